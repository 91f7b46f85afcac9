import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { Attachment } from '../attach/attachment';
import { IAttachments } from '../tokens';
import { Badges } from '../view/badge';
import { showOffer } from '../view/offer';
import { openExecution } from '../view/open';

const TICK = 1000;

/** Badges on cells that ran, run or wait remotely. */
export const badges: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:badges',
  description: 'Shows on each cell which remote execution ran it.',
  autoStart: true,
  requires: [IAttachments, INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    attachments: IAttachments,
    notebooks: INotebookTracker,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    const look = async (run: Attachment, cell: string) => {
      const offer = run.offer(cell);
      const rendermime = notebooks.currentWidget?.content.rendermime;
      if (offer && rendermime && (await showOffer(offer, rendermime, trans))) {
        run.insert(cell);
      }
    };
    const view = new Badges(
      {
        open: run => openExecution(app, run.entry.execution),
        show: (run, cell) => void look(run, cell),
        insert: (run, cell) => run.insert(cell),
        dismiss: (run, cell) => run.dismiss(cell)
      },
      trans
    );
    const awaited = new WeakSet<Cell>();
    const paint = (panel: NotebookPanel) => {
      const model = panel.content.model;
      if (!model) {
        return;
      }
      for (const cell of panel.content.widgets) {
        if (cell.isPlaceholder() && !awaited.has(cell)) {
          awaited.add(cell); // Its badge finds its place when the cell's parts are there.
          void cell.ready.then(() => repaint());
        }
        const run = attachments.ofCell(model, cell.model.id);
        const state = run?.cells.get(cell.model.id);
        if (run && state) {
          view.show(cell, run, state);
        } else {
          view.remove(cell);
        }
      }
    };
    let frame = 0;
    const repaint = () => {
      // Many records arrive between two frames: paint once.
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        notebooks.forEach(paint);
      });
    };
    attachments.changed.connect(repaint);
    // A cell that is moved gets a new widget.
    notebooks.widgetAdded.connect((_, panel) => {
      panel.content.modelContentChanged.connect(repaint);
    });
    window.setInterval(() => {
      notebooks.forEach(panel => {
        const model = panel.content.model;
        if (model && attachments.of(model).some(run => !run.final)) {
          paint(panel);
        }
      });
    }, TICK);
  }
};
