import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Executions } from '../executions/shown';
import { IAttachments, IExecutions, IMaster } from '../tokens';

/** Lists executions, shows each in a tab of its own, and compares them. */
export const executions: JupyterFrontEndPlugin<IExecutions> = {
  id: '@perijove/labextension:executions',
  description: 'Lists executions, shows each in a tab, and compares them.',
  autoStart: true,
  provides: IExecutions,
  requires: [IMaster, IAttachments, INotebookTracker, IRenderMimeRegistry],
  optional: [ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    master: IMaster,
    attachments: IAttachments,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ): IExecutions => {
    const shown = new Executions({
      app,
      master,
      rendermime,
      restorer,
      trans: (translator ?? nullTranslator).load('perijove'),
      path: () => ownPath(app, notebooks.currentWidget)
    });
    attachments.changed.connect((_, model) =>
      attachments
        .of(model)
        .forEach(({ execution }) => execution && shown.list.hear(execution))
    );
    notebooks.currentChanged.connect(() => shown.list.moved());
    void shown.meet();
    return shown;
  }
};

/** Drives that show the server's own files: the default one, and collaboration's. */
const OWN_DRIVES = new Set(['', 'RTC']);

/** Where a notebook lies below the server's folder; null for none, and for one of another drive, which cannot run. */
function ownPath(
  { serviceManager: { contents } }: JupyterFrontEnd,
  panel: NotebookPanel | null
): string | null {
  if (!panel || !OWN_DRIVES.has(contents.driveName(panel.context.path))) {
    return null;
  }
  return contents.localPath(panel.context.path);
}
