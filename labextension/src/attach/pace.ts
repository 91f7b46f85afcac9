/** Milliseconds of work between two frames. */
const SLICE = 12;
/** How many items are handed on together: what is joined needs many, what is drawn for each may take long. */
const FIRST = 10;
const MOST = 1000;

interface IScheduler {
  postTask(task: () => void): Promise<void>;
}

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
    const until = performance.now() + SLICE;
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
    afterFrame(() => {
      if (this.round !== round) {
        return;
      }
      this.waiting = false;
      if (this.items.length > 0) {
        this.slice();
      }
    });
  }

  /** Believe at once that items take long, and that they are quick by and by. */
  private learn(cost: number): void {
    this.cost = Math.max(cost, this.cost / 2, SLICE / MOST);
  }
}

/** Do something once the page has drawn what changed; a page that nobody sees draws nothing, and goes on at once. */
function afterFrame(act: () => void): void {
  if (document.hidden) {
    soon(act);
    return;
  }
  let pending = true;
  const once = () => {
    if (pending) {
      pending = false;
      document.removeEventListener('visibilitychange', once);
      soon(act);
    }
  };
  requestAnimationFrame(once);
  // A page that is hidden now gets no frame.
  document.addEventListener('visibilitychange', once);
}

/** Not by a timer, where there is another way: those of a hidden page go off once a second, or once a minute. */
function soon(act: () => void): void {
  const { scheduler } = window as unknown as { scheduler?: IScheduler };
  if (scheduler) {
    void scheduler.postTask(act);
  } else {
    window.setTimeout(act);
  }
}
