import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker } from '@jupyterlab/notebook';

import { afterFrame } from './frame';

const EVERY = 250;
/** Milliseconds of measuring between two frames. */
const SLICE = 12;

/** Begins to hold something back for a cell; what it returns ends that. */
export type Hold = (model: ICodeCellModel) => () => void;

/** JupyterLab's own, which is protected. */
interface ICell {
  readonly isDisposed: boolean;
  onOutputChanged?: () => void;
}

/**
 * A cell of JupyterLab's measures the height of its outputs whenever one changes, for the icon that folds them; each time the
 * browser has to lay out the page there and then. While a run writes, let it measure now and then, when the page has just
 * been laid out anyway.
 */
export function holdMeasuring(notebooks: INotebookTracker): Hold {
  const waiting = new Map<ICell, () => void>();
  const measureSome = () => {
    const until = performance.now() + SLICE;
    try {
      for (const [cell, measure] of waiting) {
        waiting.delete(cell);
        if (!cell.isDisposed) {
          measure.call(cell);
        }
        if (performance.now() > until) {
          break;
        }
      }
    } finally {
      if (waiting.size > 0) {
        afterFrame(measureSome);
      }
    }
  };
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
        if (waiting.size === 0) {
          window.setTimeout(() => afterFrame(measureSome), EVERY);
        }
        waiting.set(cell, measure);
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
