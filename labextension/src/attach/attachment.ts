import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feed, IListener } from '../master/feed';
import { fetchPayload } from '../master/payloads';
import type { Requests } from '../master/requests';
import {
  isFinal,
  type ExecutionRecord,
  type IExecution
} from '../master/types';
import type { ICellState } from './cells';
import { Displays } from './displays';
import type { Hold } from './measuring';
import type { IAttached } from './metadata';
import { Pace } from './pace';
import { Targets } from './targets';
import { Telling } from './telling';

interface ITold {
  attempt: number;
  record: ExecutionRecord;
}

const END = null;

/** What a run in a notebook needs beside its records. */
export interface ISurroundings {
  requests: Requests;
  hold: Hold;
}

/** One remote run shown in a notebook: what a person sees of it and may do, and its place in the feed. */
export class Attachment implements IDisposable, IListener {
  execution: IExecution | null = null;
  isDisposed = false;
  /** The run cannot be shown; why. */
  problem: string | null = null;

  private readonly targets: Targets;
  private readonly telling: Telling;
  private readonly pace = new Pace<ITold | typeof END>(
    told => this.take(told),
    () => this.changedSignal.emit()
  );
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly completedSignal = new Signal<this, void>(this);
  private watch: IDisposable | null = null;

  /**
   * @param fresh - whether the run was submitted from this page, which makes its outputs this person's own.
   */
  constructor(
    notebook: INotebookModel,
    entry: IAttached,
    fresh: boolean,
    { requests, hold }: ISurroundings
  ) {
    this.targets = new Targets(notebook);
    const displays = new Displays(id => this.targets.of(id));
    const over = () => this.final || this.isDisposed;
    const fetch = (attempt: number, ref: string) =>
      fetchPayload(requests, entry.execution, attempt, ref, over);
    const completed = () => this.completedSignal.emit();
    this.telling = new Telling(
      notebook,
      entry,
      this.targets,
      displays,
      fresh,
      { fetch, hold },
      completed
    );
  }

  /** Something about the run or one of its cells changed. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** The whole story was told, and is in the document. */
  get completed(): ISignal<this, void> {
    return this.completedSignal;
  }

  get entry(): IAttached {
    return this.telling.entry;
  }

  get cells(): ReadonlyMap<string, ICellState> {
    return this.telling.states;
  }

  get final(): boolean {
    return isFinal(this.entry.status);
  }

  get writing(): boolean {
    return this.watch !== null;
  }

  /** Begin, or go on, after the last record this document has for good; `writer` is this page's number, if it has one. */
  start(feed: Feed, writer?: number): void {
    const position = this.telling.resume();
    if (writer !== undefined && this.entry.writer !== writer) {
      this.telling.memory.write({ writer });
    }
    this.watch = feed.watch(this.entry.execution, position, this);
  }

  /** Leave the writing to another page, and show what it remembers in the shared document. */
  follow(entry: IAttached): void {
    this.pause();
    this.telling.show(entry);
    this.changedSignal.emit();
  }

  pause(): void {
    this.watch?.dispose();
    this.watch = null;
    this.pace.stop();
    this.telling.pause();
  }

  /** The document is about to be saved: remember exactly how far it is told. */
  note(): void {
    if (this.writing && !this.entry.complete) {
      this.telling.memory.write();
    }
  }

  /** The remote result of a cell that was edited since, or null. */
  offer(cell: string): ICodeCellModel | null {
    return this.targets.offer(cell);
  }

  /** Write an offered result into its cell after all. */
  insert(cell: string): void {
    this.targets.insert(cell);
    this.telling.settle(cell);
    this.changedSignal.emit();
  }

  /** Forget an offered result; the execution keeps it. */
  dismiss(cell: string): void {
    this.targets.drop(cell);
    this.telling.settle(cell);
    this.changedSignal.emit();
  }

  /** The cell is about to run in a local kernel: a remote result that is still to come is offered beside it. */
  yield(cell: string): void {
    const state = this.cells.get(cell)?.state;
    if (state === undefined || state === 'done' || state === 'failed') {
      this.drop([cell]);
    } else {
      this.telling.divert(cell);
      this.changedSignal.emit();
    }
  }

  /** These cells belong to a newer run: show and write them no more. */
  drop(cells: string[]): void {
    this.telling.drop(cells);
    this.changedSignal.emit();
  }

  onExecution(execution: IExecution): void {
    this.execution = execution;
    this.problem = null;
    if (execution.status !== this.entry.status) {
      this.telling.memory.write({ status: execution.status });
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

  private take(told: (ITold | typeof END)[]): void {
    this.telling.take(told.filter(item => item !== END));
    if (told.includes(END)) {
      this.telling.end();
    }
  }
}
