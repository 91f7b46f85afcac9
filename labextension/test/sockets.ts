import { ServerConnection } from '@jupyterlab/services';
import type { ISurroundings } from '../src/attach/attachment';
import { Requests } from '../src/master/requests';

/** What a page says to the server extension's feed. */
export interface IWish {
  watch?: string;
  unwatch?: string;
  execution?: string;
  after?: string | null;
}

/** The browser's WebSocket, with the server's end in the test's hands. */
export class FakeSocket {
  static made: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.made[FakeSocket.made.length - 1];
  }

  readyState: number = WebSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: IWish[] = [];

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    if (this.readyState !== WebSocket.OPEN) {
      throw new Error('the socket is not open');
    }
    this.sent.push(JSON.parse(text) as IWish);
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.();
  }

  /** The server accepts. */
  accept(): this {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
    return this;
  }

  /** The server, or what lies in between, breaks the connection. */
  breakOff(): void {
    this.close();
  }

  /** The server says something. */
  say(message: Record<string, unknown>): this {
    this.onmessage?.({ data: JSON.stringify(message) });
    return this;
  }
}

/** JupyterLab's settings with the fake socket in place of the browser's. */
export function settings(): ServerConnection.ISettings {
  FakeSocket.made = [];
  return ServerConnection.makeSettings({
    baseUrl: 'http://localhost:8888/',
    wsUrl: 'ws://localhost:8888/',
    WebSocket: FakeSocket as unknown as typeof WebSocket
  });
}

/** What a run in a notebook needs, of a server that answers no request. */
export function surroundings(): ISurroundings {
  return {
    requests: new Requests(ServerConnection.makeSettings()),
    hold: () => () => undefined
  };
}
