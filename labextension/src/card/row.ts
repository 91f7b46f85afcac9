import { Signal, type ISignal } from '@lumino/signaling';
import type { IDisposable } from '@lumino/disposable';

import { LiveRows } from '../executions/rows';
import type { Feed } from '../master/feed';
import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import { isFinal, type IExecution } from '../master/types';

/** One execution's row, kept up to date while it lives. */
export class LiveRow implements IDisposable {
  execution: IExecution | null = null;
  problem: string | null = null;
  isDisposed = false;
  private readonly live: LiveRows;
  private readonly changedSignal = new Signal<this, void>(this);

  constructor(
    id: string,
    requests: Pick<Requests, 'get'>,
    feed: Pick<Feed, 'watch'>
  ) {
    this.live = new LiveRows(feed, execution => this.take(execution));
    requests.get<IExecution>(executionPath(id)).then(
      execution => this.take(execution),
      (error: Error) => this.fail(error.message)
    );
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.live.dispose();
      Signal.clearData(this);
    }
  }

  private take(execution: IExecution): void {
    if (this.isDisposed) {
      return;
    }
    const known = this.execution;
    // The answer to the first question may come after the feed told that it has ended.
    if (!known || !isFinal(known.status) || isFinal(execution.status)) {
      this.execution = execution;
      this.live.follow([execution]);
      this.changedSignal.emit();
    }
  }

  private fail(message: string): void {
    this.problem = message;
    this.changedSignal.emit();
  }
}
