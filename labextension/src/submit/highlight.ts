import type { NotebookPanel } from '@jupyterlab/notebook';

/** Mark the cells that go along, and no others. */
export function highlight(panel: NotebookPanel, ids: string[]): void {
  for (const cell of panel.content.widgets) {
    cell.toggleClass('pj-mod-along', ids.includes(cell.model.id));
  }
}
