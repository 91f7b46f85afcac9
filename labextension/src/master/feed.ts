import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import type { ExecutionRecord, IExecution, IPosition } from './types';

/** What somebody who watches an execution is told, in order. */
export interface IListener {
  /** The execution's row: first, and whenever it changed. */
  onExecution(execution: IExecution): void;
  /** The next records of an attempt; a batch is what one message brought. */
  onRecords(attempt: number, records: ExecutionRecord[]): void;
  /** Everything was told. */
  onEnd(): void;
  /** The execution cannot be watched. */
  onError(message: string): void;
}

interface IWatch {
  id: string;
  position: IPosition | null;
  listeners: IListener;
}

type Message =
  | { watch: string; type: 'execution'; execution: IExecution }
  | {
      watch: string;
      type: 'records';
      attempt: number;
      records: ExecutionRecord[];
    }
  | { watch: string; type: 'end' }
  | { watch: string; type: 'error'; message: string };

const FIRST_RETRY = 500;
const LAST_RETRY = 15_000;

/**
 * All the executions this page watches, over one WebSocket.
 *
 * One socket, because a browser gives a host only six HTTP/1.1 connections and each event stream would hold one. When it
 * breaks, it is opened again and every watch goes on after the last record it was told.
 */
export class Feed implements IDisposable {
  private readonly watches = new Map<string, IWatch>();
  private socket: WebSocket | null = null;
  private retry = FIRST_RETRY;
  private timer: number | null = null;
  private nextKey = 0;
  isDisposed = false;

  constructor(private readonly settings: ServerConnection.ISettings) {}

  /** Watch an execution after a position (null: from its beginning) until the result is disposed. */
  watch(
    id: string,
    position: IPosition | null,
    listeners: IListener
  ): IDisposable {
    const key = String(this.nextKey++);
    const watch = { id, position, listeners };
    this.watches.set(key, watch);
    this.ask(key, watch);
    return new DisposableDelegate(() => this.unwatch(key));
  }

  dispose(): void {
    this.isDisposed = true;
    this.watches.clear();
    this.closeWhenIdle();
  }

  private unwatch(key: string): void {
    if (this.watches.delete(key)) {
      this.send({ unwatch: key });
      this.closeWhenIdle();
    }
  }

  private closeWhenIdle(): void {
    if (this.watches.size > 0) {
      return;
    }
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
      this.timer = null;
    }
    this.socket?.close();
    this.socket = null;
  }

  private ask(key: string, { id, position }: IWatch): void {
    if (!this.socket) {
      this.open();
    } else {
      const after = position ? `${position.attempt}-${position.n}` : null;
      this.send({ watch: key, execution: id, after });
    }
  }

  private send(message: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }

  private open(): void {
    if (this.timer !== null) {
      return;
    }
    const socket = new this.settings.WebSocket(
      URLExt.join(this.settings.wsUrl, 'perijove', 'api', 'feed')
    );
    this.socket = socket;
    socket.onopen = () => {
      this.retry = FIRST_RETRY;
      this.watches.forEach((watch, key) => this.ask(key, watch));
    };
    socket.onmessage = event =>
      this.deliver(JSON.parse(event.data as string) as Message);
    socket.onclose = () => this.lost(socket);
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket || this.isDisposed) {
      return;
    }
    this.socket = null;
    // Jitter: many pages come back after the same restart.
    const delay = this.retry * (0.5 + Math.random());
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
    this.timer = window.setTimeout(() => {
      this.timer = null;
      if (this.watches.size > 0) {
        this.open();
      }
    }, delay);
  }

  private deliver(message: Message): void {
    const watch = this.watches.get(message.watch);
    if (!watch) {
      return;
    }
    switch (message.type) {
      case 'execution':
        watch.listeners.onExecution(message.execution);
        break;
      case 'records':
        this.deliverRecords(watch, message.attempt, message.records);
        break;
      case 'end':
        this.watches.delete(message.watch);
        watch.listeners.onEnd();
        this.closeWhenIdle();
        break;
      case 'error':
        watch.listeners.onError(message.message);
        break;
    }
  }

  private deliverRecords(
    watch: IWatch,
    attempt: number,
    records: ExecutionRecord[]
  ): void {
    const last = records[records.length - 1];
    if (last) {
      watch.position = { attempt, n: last.n };
      watch.listeners.onRecords(attempt, records);
    }
  }
}
