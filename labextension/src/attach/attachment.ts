import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feed, IListener } from '../master/feed';
import {
  isFinal,
  type ExecutionRecord,
  type ICellRecord,
  type IExecution,
  type IPosition
} from '../master/types';
import { outcome, type ICellState } from './cells';
import { Displays } from './displays';
import {
  updateAttached,
  withoutCells,
  type IAttached,
  type IResult
} from './metadata';
import { OutputWriter } from './outputs';
import { Pace } from './pace';
import { Targets } from './targets';

interface ITold {
  attempt: number;
  record: ExecutionRecord;
}

const END = null;

/** One remote run shown in a notebook: routes its records to the cells, and remembers how far it got. */
export class Attachment implements IDisposable, IListener {
  execution: IExecution | null = null;
  isDisposed = false;
  /** The run cannot be shown; why. */
  problem: string | null = null;

  private readonly states = new Map<string, ICellState>();
  private readonly writers = new Map<string, OutputWriter>();
  private readonly targets: Targets;
  private readonly displays: Displays;
  private readonly pace = new Pace<ITold | typeof END>(told => this.take(told));
  /** The cells that would have to be told again, each with the number of the record that began it. */
  private readonly open = new Map<string, { n: number; t: number }>();
  private told: IPosition | null = null;
  private ended = false;
  /** How many seconds this page's clock is ahead of the worker's, at most. */
  private lead = Infinity;
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly completedSignal = new Signal<this, void>(this);
  private watch: IDisposable | null = null;

  /**
   * @param fresh - whether the run was submitted from this page, which makes its outputs this person's own.
   */
  constructor(
    private readonly notebook: INotebookModel,
    public entry: IAttached,
    private readonly fresh = false
  ) {
    this.targets = new Targets(notebook);
    this.displays = new Displays(id => this.targets.of(id));
    this.restore();
  }

  /** Something about the run or one of its cells changed. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** The whole story was told, and is in the document. */
  get completed(): ISignal<this, void> {
    return this.completedSignal;
  }

  get cells(): ReadonlyMap<string, ICellState> {
    return this.states;
  }

  get final(): boolean {
    return isFinal(this.entry.status);
  }

  get writing(): boolean {
    return this.watch !== null;
  }

  /** Begin, or go on, after the last record this document has for good; `writer` is this page's number, if it has one. */
  start(feed: Feed, writer?: number): void {
    const { position, execution } = this.entry;
    if (writer !== undefined && this.entry.writer !== writer) {
      this.remember({ writer });
    }
    this.watch = feed.watch(execution, position, this);
  }

  /** Leave the writing to another page, and show what it remembers in the shared document. */
  follow(entry: IAttached): void {
    this.pause();
    this.entry = entry;
    this.restore();
    this.changedSignal.emit();
  }

  pause(): void {
    this.watch?.dispose();
    this.watch = null;
    this.pace.stop();
    this.writers.clear();
    this.open.clear();
  }

  /** The remote result of a cell that was edited since, or null. */
  offer(cell: string): ICodeCellModel | null {
    return this.targets.offer(cell);
  }

  /** Write an offered result into its cell after all. */
  insert(cell: string): void {
    this.targets.insert(cell);
    this.settle(cell);
  }

  /** Forget an offered result; the execution keeps it. */
  dismiss(cell: string): void {
    this.targets.drop(cell);
    this.settle(cell);
  }

  /** The cell is about to run in a local kernel: a remote result that is still to come is offered beside it. */
  yield(cell: string): void {
    const state = this.states.get(cell);
    if (!state || state.state === 'done' || state.state === 'failed') {
      this.drop([cell]);
      return;
    }
    this.entry.cells[cell] = '';
    if (state.state === 'running' && !state.offered) {
      this.targets.divert(cell);
      this.writers.delete(cell);
      this.states.set(cell, { ...state, offered: true });
      this.result(cell, { state: 'running', seconds: null, offered: true });
    }
    this.remember({});
    this.changedSignal.emit();
  }

  /** These cells belong to a newer run: show and write them no more. */
  drop(cells: string[]): void {
    for (const cell of cells) {
      this.targets.drop(cell);
      this.states.delete(cell);
      this.open.delete(cell);
      this.writers.delete(cell);
    }
    this.entry = withoutCells(this.entry, cells);
    this.remember({});
    this.changedSignal.emit();
  }

  onExecution(execution: IExecution): void {
    this.execution = execution;
    this.problem = null;
    if (execution.status !== this.entry.status) {
      this.remember({ status: execution.status });
    }
    this.changedSignal.emit();
  }

  onRecords(attempt: number, records: ExecutionRecord[]): void {
    this.pace.push(records.map(record => ({ attempt, record })));
  }

  onEnd(): void {
    this.pace.push([END]);
  }

  onError(message: string): void {
    this.problem = message;
    this.changedSignal.emit();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.pause();
      this.targets.dispose();
      Signal.clearData(this);
    }
  }

  private restore(): void {
    this.told = this.entry.position;
    this.states.clear();
    for (const id of Object.keys(this.entry.cells)) {
      const result = this.entry.results[id];
      this.states.set(id, {
        state: this.entry.complete
          ? outcome(result?.state ?? 'waiting', this.entry.status)
          : (result?.state ?? 'waiting'),
        since: null,
        seconds: result?.seconds ?? null,
        offered: false
      });
      this.displays.forget(id);
      this.displays.restore(id, result?.displays ?? {});
    }
  }

  /** Apply records to the document, then remember how far it is told if that changed for good. */
  private take(told: (ITold | typeof END)[]): void {
    let settled = false;
    for (const item of told) {
      if (item === END) {
        this.end();
        return;
      }
      const { attempt, record } = item;
      if (attempt !== (this.told?.attempt ?? attempt)) {
        this.restart();
      }
      this.lead = Math.min(this.lead, Date.now() / 1000 - record.t);
      if (record.kind === 'cell') {
        settled = this.onCell(record) || settled;
      } else if (record.kind === 'output' && this.open.has(record.cell)) {
        this.writer(record.cell)?.write(record);
      }
      this.told = { attempt, n: record.n };
    }
    this.timeRunning();
    this.writers.forEach(writer => writer.flush());
    if (settled) {
      this.remember({});
    }
    this.changedSignal.emit();
  }

  /** The last record that a page which takes this up need not be told again. */
  private position(): IPosition | null {
    return (
      this.told && {
        ...this.told,
        n: Math.min(
          this.told.n,
          ...[...this.open.values()].map(({ n }) => n - 1)
        )
      }
    );
  }

  /** Say since when cells run, by this page's clock; the worker's may go differently. */
  private timeRunning(): void {
    for (const [cell, { t }] of this.open) {
      const state = this.states.get(cell);
      if (state?.state === 'running') {
        this.states.set(cell, { ...state, since: (t + this.lead) * 1000 });
      }
    }
  }

  /** A new attempt tells everything again: what the lost one wrote is taken back. */
  private restart(): void {
    for (const [id, result] of Object.entries(this.entry.results)) {
      if (this.targets.offer(id)) {
        this.targets.drop(id);
      } else if (!result.offered) {
        this.writer(id)?.takeBack();
      }
    }
    this.writers.clear();
    this.open.clear();
    this.entry = { ...this.entry, results: {}, position: null };
    this.restore();
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
    } else if (this.open.has(cell)) {
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
    const offered = this.offer(cell) !== null;
    this.open.set(cell, { n, t });
    this.writers.delete(cell);
    this.writer(cell)?.begin(this.fresh && !offered);
    const state = 'running';
    this.result(cell, { state, seconds: null, offered });
    this.states.set(cell, { state, since: null, seconds: null, offered });
  }

  private finish(record: ICellRecord, state: 'done' | 'failed'): void {
    const { cell, seconds = null, execution_count: count = null } = record;
    const offered = this.offer(cell) !== null;
    this.writer(cell)?.end(count);
    this.writers.delete(cell);
    if (!offered) {
      this.open.delete(cell);
    }
    const displays = this.displays.saved(cell);
    this.result(cell, {
      state,
      seconds,
      offered,
      ...(displays && { displays })
    });
    this.states.set(cell, { state, since: null, seconds, offered });
  }

  /** What was offered has been taken or refused: the document needs it no more. */
  private settle(cell: string): void {
    this.open.delete(cell);
    const state = this.states.get(cell);
    const result = this.entry.results[cell];
    if (state && result) {
      this.states.set(cell, { ...state, offered: false });
      this.result(cell, { ...result, offered: false });
      this.remember({ complete: this.ended && this.open.size === 0 });
    }
    this.changedSignal.emit();
  }

  private end(): void {
    this.ended = true;
    for (const [cell, state] of this.states) {
      if (state.state === 'running') {
        this.writer(cell)?.end(null);
        this.open.delete(cell);
      }
      this.states.set(cell, {
        ...state,
        since: null,
        state: outcome(state.state, this.entry.status)
      });
    }
    this.writers.clear();
    this.remember({ complete: this.open.size === 0 });
    this.changedSignal.emit();
    this.completedSignal.emit();
  }

  private result(cell: string, result: IResult): void {
    const results = { ...this.entry.results, [cell]: result };
    this.entry = { ...this.entry, results };
  }

  /** The writer of a cell; a new one where the cell's model was replaced, as when it is moved. */
  private writer(cell: string): OutputWriter | null {
    const known = this.writers.get(cell);
    if (known && !(known.cell as ICodeCellModel & IDisposable).isDisposed) {
      return known;
    }
    const target = this.targets.of(cell);
    if (!target) {
      return null;
    }
    const writer = new OutputWriter(target, cell, this.displays);
    this.writers.set(cell, writer);
    return writer;
  }

  private remember(
    change: Partial<Pick<IAttached, 'status' | 'complete' | 'writer'>>
  ): void {
    this.entry = { ...this.entry, ...change, position: this.position() };
    updateAttached(this.notebook, structuredClone(this.entry));
  }
}
