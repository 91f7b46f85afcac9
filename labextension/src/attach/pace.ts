const CHUNK = 50;
const SLICE = 16;
const PAUSE = 40;

/**
 * Hands items on in slices, so that a burst leaves the page responsive: the first at once, what comes meanwhile together,
 * and never more than a slice of work without letting the page breathe.
 */
export class Pace<T> {
  private items: T[] = [];
  private timer: number | null = null;

  constructor(private readonly take: (items: T[]) => void) {}

  push(items: T[]): void {
    this.items = this.items.concat(items);
    if (this.timer === null) {
      this.slice();
    }
  }

  stop(): void {
    this.items = [];
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private slice(): void {
    const began = performance.now();
    while (this.items.length > 0 && performance.now() - began < SLICE) {
      this.take(this.items.splice(0, CHUNK));
    }
    // Rendering follows the model's changes: give it as long again as the changes took.
    const spent = performance.now() - began;
    this.timer = window.setTimeout(
      () => {
        this.timer = null;
        if (this.items.length > 0) {
          this.slice();
        }
      },
      Math.max(PAUSE, spent)
    );
  }
}
