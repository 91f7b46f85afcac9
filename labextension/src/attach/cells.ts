import type { Status } from '../master/types';
import type { IAttached } from './metadata';

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

/** Where the cells of a run stand by what its document remembers. */
export function remembered(entry: IAttached): Map<string, ICellState> {
  return new Map(
    Object.keys(entry.cells).map(id => {
      const { state = 'waiting', seconds = null } = entry.results[id] ?? {};
      return [
        id,
        {
          state: entry.complete ? outcome(state, entry.status) : state,
          since: null,
          seconds,
          offered: false
        }
      ];
    })
  );
}
