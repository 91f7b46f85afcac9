import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import { explain } from '../submit/explain';
import { IAttachments, IMaster } from '../tokens';
import { openExecution } from '../view/open';
import { RunState } from '../view/state';

/** The state of a notebook's run, in its toolbar. */
export const toolbar: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:toolbar',
  description: 'Shows in the notebook toolbar where its remote run stands.',
  autoStart: true,
  requires: [IAttachments, IMaster, IToolbarWidgetRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    attachments: IAttachments,
    master: IMaster,
    registry: IToolbarWidgetRegistry,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    const actions = {
      open: (run: { entry: { execution: string } }) =>
        openExecution(app, run.entry.execution),
      stop: (run: { entry: { execution: string } }) =>
        void master.requests
          .post(executionPath(run.entry.execution, 'stop'))
          .catch(explain)
    };
    registry.addFactory<NotebookPanel>(
      'Notebook',
      'perijove-state',
      panel =>
        new RunState(panel, attachments, master.feed.reach, actions, trans)
    );
  }
};
