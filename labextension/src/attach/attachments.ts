import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feed } from '../master/feed';
import type { IExecution } from '../master/types';
import type { IAttachments } from '../tokens';
import { Attachment, type ISurroundings } from './attachment';
import { fingerprint } from './fingerprint';
import { attached, addAttached, KEY, type IAttached } from './metadata';
import { Turn } from './turn';

type Context = DocumentRegistry.IContext<INotebookModel>;

interface IShown {
  runs: Attachment[];
  turn: Turn;
}

/** Keeps the runs of every open notebook, and takes up again the ones a notebook remembers when it is opened. */
export class Attachments implements IAttachments {
  private readonly shown = new Map<INotebookModel, IShown>();
  private readonly sending = new Set<INotebookModel>();
  private readonly changedSignal = new Signal<this, INotebookModel>(this);
  private readonly completedSignal = new Signal<this, INotebookModel>(this);

  constructor(
    private readonly feed: Feed,
    private readonly surroundings: ISurroundings
  ) {}

  get changed(): ISignal<this, INotebookModel> {
    return this.changedSignal;
  }

  /** A run of a notebook has been told to its end by this page. */
  get completed(): ISignal<this, INotebookModel> {
    return this.completedSignal;
  }

  of(model: INotebookModel): readonly Attachment[] {
    return this.shown.get(model)?.runs ?? [];
  }

  ofCell(model: INotebookModel, cell: string): Attachment | null {
    const runs = this.of(model).filter(run => run.cells.has(cell));
    return runs[runs.length - 1] ?? null;
  }

  isSending(model: INotebookModel): boolean {
    return this.sending.has(model);
  }

  setSending(model: INotebookModel, sending: boolean): void {
    if (sending) {
      this.sending.add(model);
    } else {
      this.sending.delete(model);
    }
    this.changedSignal.emit(model);
  }

  attach(model: INotebookModel, execution: IExecution, ids: string[]): void {
    const cells: Record<string, string> = {};
    for (const cell of model.cells) {
      if (ids.includes(cell.id)) {
        cells[cell.id] = fingerprint(cell.sharedModel.getSource());
      }
    }
    const writer = this.shown.get(model)?.turn.self;
    const entry: IAttached = {
      execution: execution.id,
      number: execution.number,
      status: execution.status,
      position: null,
      cells,
      results: {},
      ...(writer !== undefined && { writer })
    };
    this.retire(model, Object.keys(cells));
    this.add(model, structuredClone(entry), true);
    addAttached(model, entry);
  }

  /** A cell is about to run in a local kernel. */
  yield(model: INotebookModel, cell: string): void {
    this.of(model)
      .filter(run => run.cells.has(cell))
      .forEach(run => run.yield(cell));
    this.tidy(model);
  }

  /** Take up what a freshly opened notebook remembers; runs that were told to their end are only shown. */
  restore(context: Context): void {
    const { model } = context;
    if (this.shown.has(model)) {
      return;
    }
    const turn = new Turn(model);
    this.shown.set(model, { runs: [], turn });
    attached(model).forEach(entry =>
      this.add(model, structuredClone(entry), false)
    );
    turn.changed.connect(() =>
      this.of(model).forEach(run => this.take(run, turn))
    );
    if (model.collaborative) {
      model.metadataChanged.connect((_, change) => {
        if (change.key === KEY) {
          this.synchronize(model, turn);
        }
      });
    }
    context.saveState.connect((_, state) => {
      if (state === 'started') {
        this.of(model).forEach(run => run.note());
      }
    });
    context.disposed.connect(() => this.forget(model));
  }

  private add(model: INotebookModel, entry: IAttached, fresh: boolean): void {
    const shown = this.shown.get(model);
    if (!shown) {
      return;
    }
    const run = new Attachment(model, entry, fresh, this.surroundings);
    shown.runs = [...shown.runs, run];
    run.changed.connect(() => this.changedSignal.emit(model));
    run.completed.connect(() => this.completedSignal.emit(model));
    this.take(run, shown.turn);
    this.changedSignal.emit(model);
  }

  /** Older runs give up cells that a new one takes. */
  private retire(model: INotebookModel, cells: string[]): void {
    this.of(model).forEach(run => run.drop(cells));
    this.tidy(model);
  }

  private tidy(model: INotebookModel): void {
    const shown = this.shown.get(model);
    if (shown) {
      shown.runs
        .filter(run => run.cells.size === 0)
        .forEach(run => run.dispose());
      shown.runs = shown.runs.filter(run => !run.isDisposed);
      this.changedSignal.emit(model);
    }
  }

  /** Let a run be written by this page, if it is to be and is not yet. */
  private take(run: Attachment, turn: Turn): void {
    if (!run.writing && !run.entry.complete && turn.isMine(run.entry.writer)) {
      run.start(this.feed, turn.self);
    }
  }

  /** Another page changed the shared notebook's memory: show its runs, and leave those that it took over. */
  private synchronize(model: INotebookModel, turn: Turn): void {
    for (const entry of attached(model)) {
      const run = this.of(model).find(
        known => known.entry.execution === entry.execution
      );
      if (!run) {
        this.add(model, structuredClone(entry), false);
      } else if (entry.writer !== turn.self) {
        run.follow(structuredClone(entry));
      }
    }
  }

  private forget(model: INotebookModel): void {
    const shown = this.shown.get(model);
    shown?.turn.dispose();
    shown?.runs.forEach(run => run.dispose());
    this.shown.delete(model);
  }
}
