import type { INotebookModel } from '@jupyterlab/notebook';
import { Signal, type ISignal } from '@lumino/signaling';
import type { IDisposable } from '@lumino/disposable';

/** What is used of Yjs' awareness: who has the document open just now. */
interface IAwareness {
  clientID: number;
  getStates(): Map<number, Record<string, unknown>>;
  setLocalStateField(field: string, value: unknown): void;
  on(event: 'change', callback: () => void): void;
  off(event: 'change', callback: () => void): void;
}

const FIELD = 'perijove';
/** Milliseconds after which a writer that was never seen has left: who is here may be learnt after the document. */
const ACQUAINTANCE = 3000;

/**
 * Whose turn it is to write: with jupyter-collaboration several pages share one document, and two writers would write every
 * output twice. Each run names its writer in the document; where that client has left, the present one with the lowest
 * number takes over. Without collaboration it is always this page.
 */
export class Turn implements IDisposable {
  isDisposed = false;
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly awareness: IAwareness | null;
  /** The clients that were seen here, and those that were waited for in vain. */
  private readonly known = new Set<number | undefined>();
  private readonly waits = new Map<number | undefined, number>();

  constructor(model: INotebookModel) {
    const shared = model.sharedModel as unknown as { awareness?: IAwareness };
    this.awareness = model.collaborative ? (shared.awareness ?? null) : null;
    this.awareness?.setLocalStateField(FIELD, true);
    this.awareness?.on('change', this.onChange);
    this.note();
  }

  /** Somebody came or left. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** This page's number among those that share the document; undefined where it is not shared. */
  get self(): number | undefined {
    return this.awareness?.clientID;
  }

  /** Whether this page is to write a run whose writer is, or was, this client. */
  isMine(writer: number | undefined): boolean {
    if (!this.awareness || writer === this.self) {
      return true;
    }
    const states = this.awareness.getStates();
    if ((writer !== undefined && states.has(writer)) || !this.hasLeft(writer)) {
      return false;
    }
    const able = [...states].filter(([, state]) => state[FIELD] === true);
    return Math.min(...able.map(([client]) => client)) === this.self;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.waits.forEach(timer => window.clearTimeout(timer));
      this.awareness?.off('change', this.onChange);
      Signal.clearData(this);
    }
  }

  /** Whether a client that is not here was here, or has not come for a while. */
  private hasLeft(writer: number | undefined): boolean {
    if (!this.known.has(writer) && !this.waits.has(writer)) {
      const known = () => {
        this.known.add(writer);
        this.changedSignal.emit();
      };
      this.waits.set(writer, window.setTimeout(known, ACQUAINTANCE));
    }
    return this.known.has(writer);
  }

  private note(): void {
    this.awareness?.getStates().forEach((_, client) => this.known.add(client));
  }

  private readonly onChange = () => {
    this.note();
    this.changedSignal.emit();
  };
}
