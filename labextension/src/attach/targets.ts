import { CodeCellModel, type ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';

import { fingerprint } from './fingerprint';

/** Where the outputs of a run's cells go: the cells themselves, or offers beside those that are no longer what was sent. */
export class Targets implements IDisposable {
  isDisposed = false;
  private readonly offers = new Map<string, ICodeCellModel>();

  constructor(private readonly notebook: INotebookModel) {}

  /** The remote result of a cell that was edited since, or null. */
  offer(id: string): ICodeCellModel | null {
    return this.offers.get(id) ?? null;
  }

  /** The model to write to now; null where the cell is gone. */
  of(id: string): ICodeCellModel | null {
    return this.offer(id) ?? this.cell(id);
  }

  /** Decide, when a cell begins, where it is written: an edited one gets an offer. */
  choose(id: string, sent: string): ICodeCellModel | null {
    this.drop(id);
    const cell = this.cell(id);
    if (!cell || fingerprint(cell.sharedModel.getSource()) === sent) {
      return cell;
    }
    const made = new CodeCellModel();
    this.offers.set(id, made);
    return made;
  }

  /** From here on write beside the cell, beginning with what it shows: somebody needs the cell itself. */
  divert(id: string): void {
    const cell = this.cell(id);
    if (cell && !this.offers.has(id)) {
      const made = new CodeCellModel();
      made.outputs.fromJSON(cell.outputs.toJSON());
      this.offers.set(id, made);
    }
  }

  /** Write an offered result into its cell after all. */
  insert(id: string): void {
    const offer = this.offer(id);
    const cell = this.cell(id);
    if (offer && cell) {
      cell.clearExecution();
      offer.outputs.toJSON().forEach(output => cell.outputs.add(output));
      cell.executionCount = offer.executionCount;
    }
    this.drop(id);
  }

  drop(id: string): void {
    this.offers.get(id)?.dispose();
    this.offers.delete(id);
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      [...this.offers.keys()].forEach(id => this.drop(id));
    }
  }

  private cell(id: string): ICodeCellModel | null {
    for (const cell of this.notebook.cells) {
      if (cell.id === id && cell.type === 'code') {
        return cell as ICodeCellModel;
      }
    }
    return null;
  }
}
