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
const ACQUAINTANCE = 1500;

/**
 * Whose turn it is to write: with jupyter-collaboration several pages share one document, and two writers would write every
 * output twice. Each run names its writer in the document; where that client has left, the present one with the lowest
 * number takes over. Without collaboration it is always this page.
 */
export class Turn implements IDisposable {
  isDisposed = false;
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly awareness: IAwareness | null;
  private acquainted = false;
  private readonly timer: number;

  constructor(model: INotebookModel) {
    const shared = model.sharedModel as unknown as { awareness?: IAwareness };
    this.awareness = model.collaborative ? (shared.awareness ?? null) : null;
    this.awareness?.setLocalStateField(FIELD, true);
    this.awareness?.on('change', this.onChange);
    // Who else is here is learnt a moment after the document: until then, nobody's place is taken.
    this.timer = window.setTimeout(() => {
      this.acquainted = true;
      this.onChange();
    }, ACQUAINTANCE);
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
    if (!this.acquainted || (writer !== undefined && states.has(writer))) {
      return false;
    }
    const able = [...states].filter(([, state]) => state[FIELD] === true);
    return Math.min(...able.map(([client]) => client)) === this.self;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      window.clearTimeout(this.timer);
      this.awareness?.off('change', this.onChange);
      Signal.clearData(this);
    }
  }

  private readonly onChange = () => this.changedSignal.emit();
}
