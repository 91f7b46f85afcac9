import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { caretDownIcon, stopIcon } from '@jupyterlab/ui-components';

import { CONNECT, Connection, type IProblem } from '../connection/connection';
import { executionPath } from '../master/ids';
import { ApiError } from '../master/requests';
import { explain } from '../submit/explain';
import { IAttachments, IMaster, IRunner, type ISelection } from '../tokens';
import { runRemotelyIcon } from '../view/run-icon';

export namespace CommandIds {
  export const runNotebook = 'perijove:run-notebook';
  export const runCells = 'perijove:run-cells';
  export const configureCells = 'perijove:configure-cells';
  export const configure = 'perijove:configure-run';
  export const stop = 'perijove:stop-notebook';
}

const WHOLE: ISelection = { cells: null, context: 'needed' };

/** The commands that every button, menu and shortcut uses. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:commands',
  description: 'The commands that run notebooks and cells remotely.',
  autoStart: true,
  requires: [IRunner, IAttachments, IMaster, INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    runner: IRunner,
    attachments: IAttachments,
    master: IMaster,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    const isEnabled = () => notebooks.currentWidget !== null;
    const service = new Connection(master.requests);
    /** What the person can mend of an error, in the words of who checks the connection. */
    const mendable = async (error: unknown) =>
      error instanceof ApiError && (await service.problem({ error }))
        ? service.problem(await service.status())
        : null;
    const withNotebook =
      (action: (panel: NotebookPanel) => Promise<unknown>) => async () => {
        const panel = notebooks.currentWidget;
        if (panel) {
          await action(panel)
            .catch(async error => {
              const problem = await mendable(error);
              if (!problem) {
                throw error;
              }
              // The person is asked at once, and goes on where they were.
              return (await connected(app, problem)) && action(panel);
            })
            .catch(explain);
        }
      };
    const running = () => {
      const model = notebooks.currentWidget?.content.model;
      return model
        ? attachments.of(model).filter(run => !run.final && !run.problem)
        : [];
    };

    app.commands.addCommand(CommandIds.runNotebook, {
      label: trans.__('Run remotely'),
      caption: trans.__('Run this notebook on a worker, with the last choices'),
      icon: runRemotelyIcon,
      isEnabled,
      execute: withNotebook(panel => runner.run(panel, WHOLE))
    });
    app.commands.addCommand(CommandIds.runCells, {
      label: trans.__('Run cell remotely'),
      caption: trans.__(
        'Run the selected cells on a worker, with what they need'
      ),
      icon: runRemotelyIcon,
      isEnabled: () => hasCode(notebooks.currentWidget),
      execute: withNotebook(panel => runner.run(panel, selected(panel)))
    });
    app.commands.addCommand(CommandIds.configureCells, {
      label: trans.__('Run cell remotely…'),
      caption: trans.__('Choose what goes along, where and with what it runs'),
      isEnabled: () => hasCode(notebooks.currentWidget),
      execute: withNotebook(panel => runner.ask(panel, selected(panel)))
    });
    app.commands.addCommand(CommandIds.configure, {
      label: trans.__('Run remotely…'),
      caption: trans.__('Choose where and with what this notebook runs'),
      icon: caretDownIcon,
      isEnabled,
      execute: withNotebook(panel => runner.ask(panel, WHOLE))
    });
    app.commands.addCommand(CommandIds.stop, {
      label: trans.__('Stop remote run'),
      caption: trans.__('Stop what this notebook runs remotely'),
      icon: stopIcon,
      isEnabled: () => running().length > 0,
      execute: withNotebook(() =>
        Promise.all(
          running().map(run =>
            master.requests.post(executionPath(run.entry.execution, 'stop'))
          )
        )
      )
    });
    attachments.changed.connect(() =>
      app.commands.notifyCommandChanged(CommandIds.stop)
    );
    const refresh = () =>
      Object.values(CommandIds).forEach(id =>
        app.commands.notifyCommandChanged(id)
      );
    notebooks.currentChanged.connect(refresh);
    notebooks.selectionChanged.connect(refresh);
    const category = trans.__('Perijove');
    Object.values(CommandIds).forEach(command =>
      palette?.addItem({ command, category })
    );
  }
};

/** Ask for a service or another token; whether they serve. */
async function connected(
  { commands }: JupyterFrontEnd,
  { message }: IProblem
): Promise<boolean> {
  const answer: unknown = await commands.execute(CONNECT, { problem: message });
  return answer === true;
}

/** The selected code cells of a notebook. */
function selected(panel: NotebookPanel): ISelection {
  const cells = panel.content.selectedCells
    .filter(cell => cell.model.type === 'code')
    .map(cell => cell.model.id);
  return { cells, context: 'needed' };
}

function hasCode(panel: NotebookPanel | null): boolean {
  return panel !== null && (selected(panel).cells?.length ?? 0) > 0;
}
