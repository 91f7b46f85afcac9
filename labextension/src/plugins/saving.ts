import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker } from '@jupyterlab/notebook';

import { save } from '../submit/save';
import { IAttachments } from '../tokens';

/**
 * Saves a notebook when its run has been told to the end, if JupyterLab saves by itself: so that a page can be closed
 * right after. Shared documents are saved by their server.
 */
export const saving: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:saving',
  description: 'Saves a notebook when its remote run has ended.',
  autoStart: true,
  requires: [IAttachments, INotebookTracker, IDocumentManager],
  activate: (
    _app: JupyterFrontEnd,
    attachments: IAttachments,
    notebooks: INotebookTracker,
    documents: IDocumentManager
  ): void => {
    attachments.completed.connect((_, model) => {
      const panel = notebooks.find(found => found.content.model === model);
      if (panel && documents.autosave && model.dirty) {
        void save(panel.context);
      }
    });
  }
};
