import type { JupyterFrontEnd } from '@jupyterlab/application';

/** The command of the executions' own plugin; the notebook works without it. */
const OPEN = 'perijove:open-execution';

export function openExecution(app: JupyterFrontEnd, execution: string): void {
  if (app.commands.hasCommand(OPEN)) {
    void app.commands.execute(OPEN, { execution });
  }
}
