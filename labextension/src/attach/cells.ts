import type { Status } from '../master/types';

/** Where one cell of a run stands. `since` is when it began, by this page's clock. */
export interface ICellState {
  state: 'waiting' | 'running' | 'done' | 'failed' | 'stopped' | 'skipped';
  since: number | null;
  seconds: number | null;
  /** The cell was edited after it was sent: its result is offered, not written. */
  offered: boolean;
}

/** What a cell's state means once its run is over: a person's stop is not the cell's failure. */
export function outcome(
  state: ICellState['state'],
  run: Status
): ICellState['state'] {
  if (state === 'waiting') {
    return 'skipped';
  }
  const stopped = state === 'failed' && run === 'stopped';
  return stopped || state === 'running' ? 'stopped' : state;
}
