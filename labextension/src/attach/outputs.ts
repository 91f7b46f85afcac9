import type { ICodeCellModel } from '@jupyterlab/cells';

import type { IOutputRecord } from '../master/types';
import { asOutput, displayId, type Content } from './content';
import type { Displays } from './displays';
import type { LargeOutputs } from './large';
import { Pending, UPDATE } from './pending';

/** How a cell's outputs stand: enough to tell whether a document holds what it held when this was noted. */
export interface IMark {
  /** How many outputs there are. */
  outputs: number;
  /** Characters of the last of them, if it is a stream. */
  length: number;
  /** The next output takes the place of all. */
  clearing: boolean;
}

/**
 * Writes the remote outputs of one cell, as a local kernel's would be written: appended, cleared or updated in the cell's
 * own output model, never replaced as a whole. It is the cell's only writer while a run goes on.
 *
 * What it takes is held until `flush`, so that a burst costs the document few changes: neighbouring pieces of a stream
 * are joined, and what is cleared or updated again before anybody could see it is never written.
 */
export class OutputWriter {
  private readonly pending = new Pending();
  private clearing = false;
  /** The last stream's cursor stands at its end, so that more text goes on there, whatever came before. */
  private atEnd = true;

  constructor(
    readonly cell: ICodeCellModel,
    private readonly id: string,
    private readonly displays: Displays,
    private readonly large: LargeOutputs
  ) {}

  /**
   * The cell begins to run.
   *
   * What it showed goes when the first new output comes, so that a cell that is told again does not flicker. Only a run
   * that was submitted from this page makes its cells trusted: else a notebook from somebody else could name an execution
   * whose outputs then act in the reader's name.
   */
  begin(trusted: boolean): void {
    this.pending.clear();
    this.clearing = true;
    this.cell.executionCount = null;
    this.cell.executionState = 'running';
    if (trusted) {
      this.cell.trusted = true;
    }
  }

  /** The cell goes on from what the document holds. */
  resume({ clearing }: IMark): void {
    this.clearing = clearing;
    this.cell.executionState = 'running';
  }

  /** How the cell stands, or null where more is held in memory than a document keeps. Call it after `flush`. */
  mark(): IMark | null {
    return this.atEnd ? markOf(this.cell, this.clearing) : null;
  }

  /** The cell ended, or will not go on. */
  end(count: number | null): void {
    this.flush();
    if (this.clearing) {
      this.clearing = false;
      this.wipe();
    }
    this.cell.executionState = 'idle';
    this.cell.executionCount = count;
  }

  /** Take back everything: the attempt that wrote it was lost. */
  takeBack(): void {
    this.pending.clear();
    this.clearing = false;
    this.wipe();
    this.cell.executionState = 'idle';
    this.cell.executionCount = null;
  }

  /** Take one output message; `flush` writes it. */
  write(record: IOutputRecord): void {
    if (record.message === 'clear_output') {
      this.clear(record.content?.wait === true);
    } else if (record.message === UPDATE) {
      this.pending.update(record);
    } else {
      if (this.clearing) {
        this.clear(false);
      }
      this.pending.add(record);
    }
  }

  /** Whether nothing is held back. */
  get isEmpty(): boolean {
    return this.pending.isEmpty;
  }

  /** Write what was held back. */
  flush(): void {
    const { wiped, changes } = this.pending.take();
    if (wiped) {
      this.wipe();
    }
    for (const { n, message, content, ref } of changes) {
      if (message !== UPDATE) {
        this.append(n, message, content, ref);
      } else if (content) {
        this.displays.update(content, n);
      } else if (ref) {
        this.large.update({ n, ref });
      }
    }
  }

  private clear(wait: boolean): void {
    this.clearing = wait;
    if (!wait) {
      this.pending.wipe();
    }
  }

  private wipe(): void {
    this.atEnd = true;
    this.displays.forget(this.id);
    if (this.cell.outputs.length > 0) {
      this.cell.outputs.clear();
    }
  }

  private append(
    n: number,
    message: string,
    content: Content | null,
    ref: string | null
  ): void {
    const type = content ? message : 'display_data';
    const shown = content ?? this.large.standIn(message, ref ?? '');
    this.cell.outputs.add(asOutput(type, shown));
    this.atEnd =
      type !== 'stream' || cursorAtEnd(shown.text as string, this.atEnd);
    const id = displayId(shown);
    if (id) {
      this.displays.add(id, this.id, this.cell.outputs.length - 1, n);
    }
  }
}

/** How a cell of the document stands. */
export function markOf(cell: ICodeCellModel, clearing: boolean): IMark {
  const { outputs } = cell;
  const last = outputs.length > 0 ? outputs.get(outputs.length - 1) : null;
  return {
    outputs: outputs.length,
    length: last?.streamText?.text.length ?? 0,
    clearing
  };
}

/** Whether a stream's cursor is at its end after this text, too: a carriage return takes it elsewhere, a new line back. */
function cursorAtEnd(text: string, before: boolean): boolean {
  const line = text.slice(text.lastIndexOf('\n') + 1);
  return !/[\r\b]/.test(line) && (before || line.length < text.length);
}
