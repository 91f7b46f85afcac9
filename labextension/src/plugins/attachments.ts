import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';

import { Attachments } from '../attach/attachments';
import { holdMeasuring } from '../attach/measuring';
import { IAttachments, IMaster } from '../tokens';

/** Shows remote runs in the notebooks they came from, again when a notebook is reopened. */
export const attachments: JupyterFrontEndPlugin<IAttachments> = {
  id: '@perijove/labextension:attachments',
  description: 'Shows the outputs of remote runs in their notebooks.',
  autoStart: true,
  provides: IAttachments,
  requires: [IMaster, INotebookTracker],
  activate: (
    _app: JupyterFrontEnd,
    master: IMaster,
    notebooks: INotebookTracker
  ): IAttachments => {
    const service = new Attachments(master.feed, {
      requests: master.requests,
      hold: holdMeasuring(notebooks)
    });
    const restore = async (panel: NotebookPanel) => {
      await panel.context.ready;
      if (!panel.isDisposed) {
        service.restore(panel.context);
      }
    };
    notebooks.widgetAdded.connect((_, panel) => void restore(panel));
    notebooks.forEach(panel => void restore(panel));
    NotebookActions.executionScheduled.connect((_, { notebook, cell }) => {
      if (notebook.model) {
        service.yield(notebook.model, cell.model.id);
      }
    });
    return service;
  }
};
