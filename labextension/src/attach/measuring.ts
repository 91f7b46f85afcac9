import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker } from '@jupyterlab/notebook';

/** Begins to hold something back for a cell; what it returns ends that. */
export type Hold = (model: ICodeCellModel) => () => void;

/** JupyterLab's own, which is protected. */
interface ICell {
  readonly isDisposed: boolean;
  onOutputChanged?: () => void;
}

/**
 * A cell of JupyterLab's measures the height of its outputs whenever one changes, for the icon that folds them; each time the
 * browser has to lay out the whole page. Where many change together, let it measure once, after the last.
 */
export function holdMeasuring(notebooks: INotebookTracker): Hold {
  return model => {
    const cell = find(notebooks, model);
    const measure = cell?.onOutputChanged;
    const { changed } = model.outputs;
    if (!cell || !measure || !changed.disconnect(measure, cell)) {
      return () => undefined;
    }
    return () => {
      if (!cell.isDisposed && !model.isDisposed) {
        changed.connect(measure, cell);
        measure.call(cell);
      }
    };
  };
}

function find(
  notebooks: INotebookTracker,
  model: ICodeCellModel
): ICell | null {
  const panel = notebooks.find(({ content }) =>
    content.widgets.some(cell => cell.model === model)
  );
  const found = panel?.content.widgets.find(cell => cell.model === model);
  return (found as CodeCell | undefined as ICell | undefined) ?? null;
}
