import type { INotebookModel } from '@jupyterlab/notebook';

import type { IPosition } from '../master/types';
import {
  updateAttached,
  withoutCells,
  type IAttached,
  type IResult
} from './metadata';

/** What of a run is not the memory's own, and is noted when it is written. */
export interface INote {
  position: IPosition | null;
  results: Record<string, IResult>;
}

/** A shared document keeps its history: a run's memory, which may be long, is not written for every cell at once. */
const WHILE = 500;

/**
 * What the notebook remembers of a run. It may lag behind the outputs, from which a page that takes the run up again can
 * tell it, but never be ahead of them.
 */
export class Memory {
  private timer: number | null = null;
  private last = -Infinity;

  constructor(
    private readonly notebook: INotebookModel,
    public entry: IAttached,
    private readonly note: () => INote
  ) {}

  result(cell: string, result: IResult): void {
    const results = { ...this.entry.results, [cell]: result };
    this.entry = { ...this.entry, results };
  }

  forget(cells: string[]): void {
    this.entry = withoutCells(this.entry, cells);
  }

  /** Write it into the document now. */
  write(
    change: Partial<Pick<IAttached, 'status' | 'complete' | 'writer'>> = {}
  ): void {
    this.stop();
    this.last = performance.now();
    this.entry = { ...this.entry, ...change };
    const { position, results } = this.note();
    this.entry = { ...this.entry, position };
    updateAttached(
      this.notebook,
      structuredClone({
        ...this.entry,
        results: { ...this.entry.results, ...results }
      })
    );
  }

  /** Write it, but not more often than every now and then. */
  writeSoon(): void {
    const wait = this.last + WHILE - performance.now();
    if (wait <= 0) {
      this.write();
    } else {
      this.timer ??= window.setTimeout(() => this.write(), wait);
    }
  }

  /** What was to be written soon is not any more: another page writes. */
  stop(): void {
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
      this.timer = null;
    }
  }
}
