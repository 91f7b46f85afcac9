import type { IOutputRecord } from '../master/types';
import { displayId, type Content } from './content';

/** One output message that waits to be written. */
export interface IChange {
  /** The number of the last record it holds. */
  n: number;
  message: string;
  /** Null where it is too large for a record, and lies in `ref`. */
  content: Content | null;
  ref: string | null;
}

/** What waits to be written to a cell. */
export interface ITaken {
  /** Everything that the cell showed goes first. */
  wiped: boolean;
  changes: IChange[];
}

/** The message that changes what was displayed. */
export const UPDATE = 'update_display_data';

/**
 * The output messages of a cell that are not in the document yet, without those that nobody would see: written together,
 * they leave the cell as it would be if each had been written alone.
 */
export class Pending {
  private wiped = false;
  private changes: IChange[] = [];
  /** The last output to be appended. */
  private last: IChange | null = null;
  /** The last update of each display since an output of that id was appended. */
  private readonly updates = new Map<string, IChange>();

  get isEmpty(): boolean {
    return !this.wiped && this.changes.length === 0;
  }

  /** An output is appended; a piece of the stream before it joins that. */
  add(record: IOutputRecord): void {
    const { last } = this;
    if (last && joins(last, record)) {
      last.n = record.n;
      last.content = {
        ...last.content,
        text: String(last.content?.text) + String(record.content?.text)
      };
      return;
    }
    const id = record.content && displayId(record.content);
    if (id) {
      this.updates.delete(id);
    }
    this.last = this.push(record);
  }

  /** A display is updated, which leaves what an earlier update made of it unseen. */
  update(record: IOutputRecord): void {
    const id = record.content && displayId(record.content);
    const known = id ? this.updates.get(id) : undefined;
    if (known) {
      known.n = record.n;
      known.content = { ...known.content, ...record.content };
      return;
    }
    const change = this.push(record);
    if (id) {
      this.updates.set(id, change);
    }
  }

  /** What the cell shows goes; an update may be of another cell's display, and stays. */
  wipe(): void {
    this.wiped = true;
    this.last = null;
    this.changes = this.changes.filter(({ message }) => message === UPDATE);
  }

  clear(): void {
    this.take();
  }

  take(): ITaken {
    const { wiped, changes } = this;
    this.wiped = false;
    this.changes = [];
    this.last = null;
    this.updates.clear();
    return { wiped, changes };
  }

  private push({ n, message, content, ref }: IOutputRecord): IChange {
    const change = { n, message, content, ref: ref ?? null };
    this.changes.push(change);
    return change;
  }
}

function joins(last: IChange, { message, content }: IOutputRecord): boolean {
  const isStream = message === 'stream' && last.message === 'stream';
  return (
    isStream &&
    !!content &&
    !!last.content &&
    last.content.name === content.name
  );
}
