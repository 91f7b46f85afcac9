import type { ExecutionRecord, IPosition } from '../master/types';

/** The record that began a cell. */
export interface IBeginning {
  n: number;
  t: number;
}

/** How far a run has been told to a page, and which cells are still open. */
export class Progress {
  /** The cells that are not told to their end, or whose result is still offered. */
  readonly open = new Map<string, IBeginning>();
  told: IPosition | null = null;
  ended = false;
  /** How many seconds this page's clock is ahead of the worker's, at most. */
  private lead = Infinity;

  hear(attempt: number, record: ExecutionRecord): void {
    this.lead = Math.min(this.lead, Date.now() / 1000 - record.t);
    this.told = { attempt, n: record.n };
  }

  /** When a cell began, in milliseconds by this page's clock; the worker's may go differently. */
  since({ t }: IBeginning): number | null {
    return this.lead === Infinity ? null : (t + this.lead) * 1000;
  }

  /** The last record before all cells that are open. */
  beforeOpen(): IPosition | null {
    const first = [...this.open.values()].map(({ n }) => n - 1);
    return this.told && { ...this.told, n: Math.min(this.told.n, ...first) };
  }
}
