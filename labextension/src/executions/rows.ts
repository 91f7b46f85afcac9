import type { IDisposable } from '@lumino/disposable';

import type { Feed } from '../master/feed';
import { isFinal, type IExecution } from '../master/types';

/** How many executions are watched at once: each costs the server one event stream. */
const MOST = 24;
/** A record number no attempt reaches: what comes after it are changes of the row, and no records. */
const BEYOND = 2 ** 31 - 1;

interface IWatched {
  attempt: number;
  watch: IDisposable;
}

/** Hears of every change of the executions that are not final, without their records. */
export class LiveRows implements IDisposable {
  private readonly watched = new Map<string, IWatched>();
  isDisposed = false;

  constructor(
    private readonly feed: Pick<Feed, 'watch'>,
    private readonly onRow: (execution: IExecution) => void
  ) {}

  /** Watch what of these is not final, the first ones first, and nothing else. */
  follow(executions: readonly IExecution[]): void {
    const live = executions
      .filter(({ status }) => !isFinal(status))
      .slice(0, MOST);
    const wanted = new Set(live.map(({ id }) => id));
    for (const id of [...this.watched.keys()]) {
      if (!wanted.has(id)) {
        this.drop(id);
      }
    }
    live.forEach(execution => this.keep(execution));
  }

  dispose(): void {
    this.isDisposed = true;
    [...this.watched.keys()].forEach(id => this.drop(id));
  }

  private keep({ id, attempt }: IExecution): void {
    const known = this.watched.get(id);
    if (known?.attempt === attempt) {
      return;
    }
    // A new attempt would tell all its records: watch it from beyond them again.
    const watch = this.feed.watch(
      id,
      { attempt, n: BEYOND },
      {
        onExecution: execution => this.onRow(execution),
        onRecords: () => undefined,
        onEnd: () => undefined,
        onError: () => undefined
      }
    );
    this.watched.set(id, { attempt, watch });
    known?.watch.dispose(); // only now: the feed closes its socket when nothing is watched
  }

  private drop(id: string): void {
    this.watched.get(id)?.watch.dispose();
    this.watched.delete(id);
  }
}
