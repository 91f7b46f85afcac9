import { afterFrame } from './frame';

/** Milliseconds of work between two frames. */
const SLICE = 12;
/** Drawing that takes so many milliseconds is followed by as long a rest, for the person. */
const SLOW = 50;
/** How many items are handed on together: what is joined needs many, what is drawn for each may take long. */
const FIRST = 10;
const MOST = 1000;

/**
 * Hands items on in slices, one before each frame, so that a burst leaves the page responsive: the first at once, what
 * comes meanwhile together, and never more than a slice of work without letting the page draw it and hear the person.
 */
export class Pace<T> {
  private items: T[] = [];
  /** Changes when what waits is given up, so that a slice under way finds nothing of its own. */
  private round = 0;
  private waiting = false;
  /** Milliseconds that an item takes, as far as is known. */
  private cost = SLICE / FIRST;

  /**
   * @param take - takes a few items.
   * @param rest - is called after each slice.
   */
  constructor(
    private readonly take: (items: T[]) => void,
    private readonly rest: () => void
  ) {}

  push(items: T[]): void {
    this.items = this.items.concat(items);
    if (!this.waiting) {
      this.slice();
    }
  }

  stop(): void {
    this.items = [];
    this.round++;
    this.waiting = false;
  }

  private slice(): void {
    const { round } = this;
    const began = performance.now();
    const until = began + SLICE;
    let done = 0;
    let left = SLICE;
    do {
      const size = Math.min(MOST, Math.max(1, Math.floor(left / this.cost)));
      const chunk = this.items.slice(done, done + size);
      this.take(chunk);
      done += chunk.length;
      const now = performance.now();
      this.learn((left - (until - now)) / chunk.length);
      left = until - now;
    } while (
      this.round === round &&
      done < this.items.length &&
      left > this.cost
    );
    if (this.round !== round) {
      return;
    }
    this.items = this.items.slice(done);
    this.rest();
    this.waiting = true;
    const goOn = () => {
      if (this.round === round) {
        this.waiting = false;
        if (this.items.length > 0) {
          this.slice();
        }
      }
    };
    afterFrame(() => {
      const spent = performance.now() - began;
      if (spent < SLOW || document.hidden) {
        goOn();
      } else {
        window.setTimeout(goOn, spent);
      }
    });
  }

  /** Believe at once that items take long, and that they are quick by and by. */
  private learn(cost: number): void {
    this.cost = Math.max(cost, this.cost / 2, SLICE / MOST);
  }
}
