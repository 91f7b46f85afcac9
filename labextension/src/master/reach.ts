import { Signal, type ISignal } from '@lumino/signaling';

/** Whether the platform is heard of: for a while after it was not, it is said that it is back. */
export type Standing = 'here' | 'away' | 'back';

/** How many milliseconds it is said that the platform is back. */
export const BACK = 6_000;

/** Whether what is watched can be heard of; each kind of trouble is told under a key of its own. */
export class Reach {
  private readonly troubles = new Map<string, string>();
  private timer: number | null = null;
  private readonly changedSignal = new Signal<this, Standing>(this);
  standing: Standing = 'here';

  get changed(): ISignal<this, Standing> {
    return this.changedSignal;
  }

  /** What is wrong, as whoever noticed words it; empty where nothing is. */
  get trouble(): string {
    return [...this.troubles.values()][0] ?? '';
  }

  /** Nothing can be heard there, and why. */
  lose(key: string, why: string): void {
    this.troubles.set(key, why);
    this.stand('away');
  }

  /** It was heard there, or nobody listens there any more. */
  find(key: string): void {
    if (this.troubles.delete(key) && this.troubles.size === 0) {
      this.stand('back');
      this.timer = window.setTimeout(() => this.stand('here'), BACK);
    }
  }

  dispose(): void {
    this.clear();
    Signal.clearData(this);
  }

  private clear(): void {
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private stand(standing: Standing): void {
    this.clear();
    if (this.standing !== standing) {
      this.standing = standing;
      this.changedSignal.emit(standing);
    }
  }
}
