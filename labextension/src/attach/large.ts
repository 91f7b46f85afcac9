import type { IOutputRecord } from '../master/types';
import { asOutput, displayId, type Content } from './content';
import type { Displays } from './displays';

/** Fetches the content of a record that was too large for it; rejects with a sentence for the person. */
export type FetchContent = (attempt: number, ref: string) => Promise<Content>;

const PREFIX = 'perijove';

/** The large outputs of a run: a line of text stands in for each until its content has come. */
export class LargeOutputs {
  /** What is being fetched. */
  private readonly fetching = new Set<string>();
  private stopped = false;

  /**
   * @param settled - is called when an output has got its content, or words why not.
   */
  constructor(
    private readonly displays: Displays,
    private readonly fetch: FetchContent,
    private readonly attempt: () => number,
    private readonly settled: () => void
  ) {}

  /** Whether contents are still to come. */
  get waiting(): boolean {
    return this.fetching.size > 0;
  }

  /** The content to show for now; the real one takes its place. */
  standIn(message: string, ref: string): Content {
    const id = [PREFIX, message, ref].join(' ');
    this.begin(id, message, ref, content =>
      this.displays.replace(id, asOutput(message, content), displayId(content))
    );
    return {
      ...words('[A large output: it is being fetched.]'),
      transient: { display_id: id }
    };
  }

  /** A large update: it shows itself when its content has come. */
  update({ n, ref }: Pick<IOutputRecord, 'n'> & { ref: string }): void {
    this.begin(`${n} ${ref}`, null, ref, content =>
      this.displays.update(content, n)
    );
  }

  /** Take up again what a saved document still waits for. */
  resume(): void {
    this.stopped = false;
    for (const id of this.displays.ids()) {
      const [prefix, message, ref] = id.split(' ');
      if (prefix === PREFIX && ref) {
        this.standIn(message, ref);
      }
    }
  }

  stop(): void {
    this.stopped = true;
    this.fetching.clear();
  }

  private begin(
    key: string,
    message: string | null,
    ref: string,
    show: (content: Content) => void
  ): void {
    if (this.fetching.has(key)) {
      return;
    }
    this.fetching.add(key);
    this.displays.expect();
    const finish = (act: () => void) => {
      if (!this.stopped && this.fetching.delete(key)) {
        act();
        this.displays.settle();
        this.settled();
      }
    };
    this.fetch(this.attempt(), ref).then(
      content => finish(() => show(content)),
      (reason: unknown) =>
        finish(() => {
          if (message !== null) {
            const why = reason instanceof Error ? reason.message : '';
            this.displays.replace(
              key,
              asOutput('display_data', unshown(why)),
              null
            );
          }
        })
    );
  }
}

/** A large output without a way to fetch it. */
export function unshown(why: string): Content {
  return words(
    `[A large output is not shown here. ${why} It is in the notebook that ran.]`
  );
}

function words(text: string): Content {
  return { data: { 'text/plain': text }, metadata: {} };
}
