import type { INotebookModel } from '@jupyterlab/notebook';

import type {
  ExecutionRecord,
  ICellRecord,
  IOutputRecord,
  IPosition
} from '../master/types';
import { outcome, remembered, type ICellState } from './cells';
import type { Displays } from './displays';
import { LargeOutputs, type FetchContent } from './large';
import { Memory, type INote } from './memory';
import type { Hold } from './measuring';
import type { IAttached } from './metadata';
import { markOf, type IMark } from './outputs';
import { Progress } from './progress';
import type { Targets } from './targets';
import { Writers } from './writers';

/** What telling needs of the world outside the document. */
export interface IMeans {
  fetch: FetchContent;
  hold: Hold;
}

/** Tells a run's records to the cells of its notebook, and the notebook how far they are told. */
export class Telling {
  readonly states = new Map<string, ICellState>();
  readonly progress = new Progress();
  readonly memory: Memory;
  private readonly writers: Writers;
  private readonly large: LargeOutputs;

  /**
   * @param fresh - whether the run was submitted from this page, which makes its outputs this person's own.
   * @param completed - is called when everything was told, and is in the document.
   */
  constructor(
    notebook: INotebookModel,
    entry: IAttached,
    private readonly targets: Targets,
    private readonly displays: Displays,
    private readonly fresh: boolean,
    { fetch, hold }: IMeans,
    private readonly completed: () => void
  ) {
    this.memory = new Memory(notebook, entry, () => this.note());
    this.large = new LargeOutputs(
      displays,
      fetch,
      () => this.progress.told?.attempt ?? 1,
      () => this.complete()
    );
    this.writers = new Writers(notebook, targets, displays, this.large, hold);
    this.restore();
  }

  get entry(): IAttached {
    return this.memory.entry;
  }

  /** Show what another page remembers. */
  show(entry: IAttached): void {
    this.memory.entry = entry;
    this.restore();
  }

  /** Be ready to go on, and return the last record that this document has for good. */
  resume(): IPosition | null {
    const running = Object.entries(this.entry.results).filter(
      ([, { state, offered }]) => state === 'running' && !offered
    );
    for (const [cell, { going }] of running) {
      if (going && this.holds(cell, going.mark)) {
        this.progress.open.set(cell, going.began);
        this.writers.of(cell)?.resume(going.mark);
      } else if (going && this.progress.told) {
        // The document is not what it was when this was noted: tell the cell from its beginning.
        const { told } = this.progress;
        this.progress.told = {
          ...told,
          n: Math.min(told.n, going.began.n - 1)
        };
      }
    }
    this.large.resume();
    return this.progress.told;
  }

  /** Write no more; what is held in memory only will have to be told again. */
  pause(): void {
    this.memory.stop();
    this.large.stop();
    this.writers.clear();
    this.progress.open.clear();
  }

  /** Apply records to the document. */
  take(records: { attempt: number; record: ExecutionRecord }[]): void {
    let settled = false;
    for (const { attempt, record } of records) {
      if (attempt !== (this.progress.told?.attempt ?? attempt)) {
        this.restart();
      }
      if (record.kind === 'cell') {
        this.writers.flush();
        settled = this.onCell(record) || settled;
      } else if (record.kind === 'output') {
        this.onOutput(record);
      }
      this.progress.hear(attempt, record);
    }
    this.writers.flush();
    this.timeRunning();
    if (settled) {
      this.memory.writeSoon();
    }
  }

  /** Everything was told. */
  end(): void {
    this.progress.ended = true;
    for (const [cell, state] of this.states) {
      if (state.state === 'running') {
        this.writers.of(cell)?.end(null);
        this.progress.open.delete(cell);
      }
      this.states.set(cell, {
        ...state,
        since: null,
        state: outcome(state.state, this.entry.status)
      });
    }
    this.writers.clear();
    this.complete();
  }

  /** What was offered has been taken or refused: the document needs it no more. */
  settle(cell: string): void {
    this.progress.open.delete(cell);
    const state = this.states.get(cell);
    const result = this.entry.results[cell];
    if (state && result) {
      this.states.set(cell, { ...state, offered: false });
      this.memory.result(cell, { ...result, offered: false });
      this.complete();
    }
  }

  /** From here on the cell's result is offered beside it. */
  divert(cell: string): void {
    const state = this.states.get(cell);
    this.entry.cells[cell] = '';
    if (state?.state === 'running' && !state.offered) {
      this.targets.divert(cell);
      this.writers.drop(cell);
      this.states.set(cell, { ...state, offered: true });
      this.memory.result(cell, {
        state: 'running',
        seconds: null,
        offered: true
      });
    }
    this.memory.write();
  }

  /** Forget these cells. */
  drop(cells: string[]): void {
    for (const cell of cells) {
      this.targets.drop(cell);
      this.states.delete(cell);
      this.progress.open.delete(cell);
      this.writers.drop(cell);
    }
    this.memory.forget(cells);
    this.memory.write();
  }

  /** Remember it if everything was told; contents may come later than that. */
  private complete(): void {
    const { open, ended } = this.progress;
    const complete = ended && open.size === 0 && !this.large.waiting;
    this.memory.write({ complete });
    if (ended) {
      this.completed();
    }
  }

  private restore(): void {
    this.progress.told = this.entry.position;
    this.states.clear();
    for (const [id, state] of remembered(this.entry)) {
      this.states.set(id, state);
      this.displays.restore(id, this.entry.results[id]?.displays ?? {});
    }
  }

  /** How far the document has been told: in the midst of a cell, where all that matters of it is in the document. */
  private note(): INote {
    const { open, told } = this.progress;
    const results: INote['results'] = {};
    for (const [cell, began] of open) {
      const offered = this.targets.offer(cell) !== null;
      const mark = offered ? null : (this.writers.of(cell)?.mark() ?? null);
      if (!mark) {
        return { position: this.progress.beforeOpen(), results: {} };
      }
      const displays = this.displays.saved(cell);
      results[cell] = {
        state: 'running',
        seconds: null,
        going: { began, mark },
        ...(displays && { displays })
      };
    }
    return { position: told, results };
  }

  private holds(cell: string, mark: IMark): boolean {
    const model = this.targets.of(cell);
    if (!model) {
      return false;
    }
    const found = markOf(model, mark.clearing);
    return found.outputs === mark.outputs && found.length === mark.length;
  }

  /** Say since when cells run. */
  private timeRunning(): void {
    for (const [cell, began] of this.progress.open) {
      const state = this.states.get(cell);
      if (state?.state === 'running') {
        const since = this.progress.since(began);
        this.states.set(cell, { ...state, since });
      }
    }
  }

  /** A new attempt tells everything again: what the lost one wrote is taken back. */
  private restart(): void {
    for (const [id, result] of Object.entries(this.entry.results)) {
      if (this.targets.offer(id)) {
        this.targets.drop(id);
      } else if (!result.offered) {
        this.writers.of(id)?.takeBack();
      }
    }
    this.writers.clear();
    this.progress.open.clear();
    this.memory.entry = { ...this.entry, results: {}, position: null };
    this.restore();
  }

  private onOutput(record: IOutputRecord): void {
    if (this.progress.open.has(record.cell)) {
      this.writers.of(record.cell)?.write(record);
    }
  }

  /** Returns whether the document has to remember it. */
  private onCell(record: ICellRecord): boolean {
    const { cell } = record;
    const sent = this.entry.cells[cell];
    if (sent === undefined || this.isSettled(cell)) {
      return false;
    }
    if (record.state === 'running') {
      this.begin(record, sent);
    } else if (this.progress.open.has(cell)) {
      this.finish(record, record.state);
    }
    return true;
  }

  private isSettled(cell: string): boolean {
    const result = this.entry.results[cell];
    return (
      result !== undefined && result.state !== 'running' && !result.offered
    );
  }

  private begin({ cell, n, t }: ICellRecord, sent: string): void {
    this.targets.choose(cell, sent);
    const offered = this.targets.offer(cell) !== null;
    this.progress.open.set(cell, { n, t });
    this.writers.drop(cell);
    this.writers.of(cell)?.begin(this.fresh && !offered);
    const state = 'running';
    this.memory.result(cell, { state, seconds: null, offered });
    this.states.set(cell, { state, since: null, seconds: null, offered });
  }

  private finish(record: ICellRecord, state: 'done' | 'failed'): void {
    const { cell, seconds = null, execution_count: count = null } = record;
    const offered = this.targets.offer(cell) !== null;
    this.writers.of(cell)?.end(count);
    this.writers.drop(cell);
    if (!offered) {
      this.progress.open.delete(cell);
    }
    const displays = this.displays.saved(cell);
    this.memory.result(cell, {
      state,
      seconds,
      offered,
      ...(displays && { displays })
    });
    this.states.set(cell, { state, since: null, seconds, offered });
  }
}
