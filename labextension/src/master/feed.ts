import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

import { Reach } from './reach';
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
  | { watch: string; type: 'away'; message: string }
  | { watch: string; type: 'end' }
  | { watch: string; type: 'error'; code: string; message: string };

const FIRST_RETRY = 500;
const LAST_RETRY = 15_000;
/** The Jupyter server's own key among what cannot be reached; a watch's is a number. */
const SERVER = 'server';
/** A first break is no news: a proxy may end a connection at any time, and the next one is there at once. */
const SERVER_AWAY = 'The Jupyter server cannot be reached.';
/** Errors that another connection mends: the server then lets every page ask again. */
const MENDABLE = new Set([
  'not_configured',
  'not_perijove',
  'unauthenticated',
  'connection_lost'
]);
/** The server says something every 20 seconds; a socket that was silent for this long is dead, whatever it looks like. */
const SILENCE = 65_000;
const LOOK = 5_000;

/**
 * All the executions this page watches, over one WebSocket.
 *
 * One socket, because a browser gives a host only six HTTP/1.1 connections and each event stream would hold one. When it
 * breaks, it is opened again and every watch goes on after the last record it was told. It often breaks without a word: a
 * laptop that slept, or that has another network now, keeps a socket that looks open and never speaks again.
 */
export class Feed implements IDisposable {
  private readonly watches = new Map<string, IWatch>();
  private socket: WebSocket | null = null;
  private retry = FIRST_RETRY;
  private timer: number | null = null;
  private heardAt = 0;
  private readonly looking: number;
  private nextKey = 0;
  private expected = 0;
  /** How often the socket broke since something was heard. */
  private unheard = 0;
  /** Whether what is watched can be heard of. */
  readonly reach = new Reach();
  isDisposed = false;

  constructor(private readonly settings: ServerConnection.ISettings) {
    window.addEventListener('online', this.reopen);
    this.looking = window.setInterval(() => {
      if (this.socket && Date.now() - this.heardAt > SILENCE) {
        this.reopen();
      }
    }, LOOK);
  }

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
    window.removeEventListener('online', this.reopen);
    window.clearInterval(this.looking);
    this.watches.clear();
    this.closeWhenIdle();
    this.reach.dispose();
  }

  /** Something will be watched soon: have the socket open by then. It may close again once the result is disposed. */
  expect(): IDisposable {
    this.expected++;
    if (!this.socket) {
      this.open();
    }
    return new DisposableDelegate(() => {
      this.expected--;
      this.closeWhenIdle();
    });
  }

  private unwatch(key: string): void {
    if (this.watches.has(key)) {
      this.send({ unwatch: key });
      this.drop(key);
    }
  }

  private drop(key: string): void {
    this.watches.delete(key);
    this.reach.find(key);
    this.closeWhenIdle();
  }

  private closeWhenIdle(): void {
    if (this.watches.size > 0 || (this.expected > 0 && !this.isDisposed)) {
      return;
    }
    this.reach.find(SERVER);
    this.hangUp();
  }

  private hangUp(): void {
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
      this.timer = null;
    }
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  /** Begin anew at once, with a new socket. */
  private readonly reopen = (): void => {
    this.hangUp();
    this.retry = FIRST_RETRY;
    if (this.watches.size > 0) {
      this.open();
    }
  };

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
    const socket = new this.settings.WebSocket(this.address());
    this.socket = socket;
    this.heardAt = Date.now();
    socket.onopen = () => {
      this.retry = FIRST_RETRY;
      this.unheard = 0;
      this.reach.find(SERVER);
      this.watches.forEach((watch, key) => this.ask(key, watch));
    };
    socket.onmessage = event => {
      this.heardAt = Date.now();
      this.deliver(JSON.parse(event.data as string) as Message);
    };
    socket.onclose = () => this.lost(socket);
  }

  /** Where the feed is; a page of another origin has no cookie, and tells its token. */
  private address(): string {
    const { wsUrl, appendToken, token } = this.settings;
    const address = URLExt.join(wsUrl, 'perijove', 'api', 'feed');
    return appendToken && token
      ? `${address}?token=${encodeURIComponent(token)}`
      : address;
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket || this.isDisposed) {
      return;
    }
    this.socket = null;
    this.unheard++;
    if (this.unheard > 1) {
      this.reach.lose(SERVER, SERVER_AWAY);
    }
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
    if (message.type === 'away') {
      this.reach.lose(message.watch, message.message);
      return;
    }
    this.reach.find(message.watch);
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
        if (!MENDABLE.has(message.code)) {
          this.watches.delete(message.watch);
        }
        watch.listeners.onError(message.message);
        this.closeWhenIdle();
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
