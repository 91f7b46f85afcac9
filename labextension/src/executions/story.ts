import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feed, IListener } from '../master/feed';
import type {
  ExecutionRecord,
  ICellRecord,
  IExecution,
  IOutputRecord,
  IPhaseRecord,
  IStatsRecord
} from '../master/types';
import { LogText } from './text';

/** One metadata record: its time, by the worker's clock, and its values. */
export interface IPoint {
  t: number;
  values: Record<string, unknown>;
}

/** Everything one execution tells, kept for a view: its row, log, cells, metadata and resource use. */
export class Story implements IDisposable, IListener {
  /** Null until the service has answered. */
  execution: IExecution | null = null;
  readonly log = new LogText();
  cells = new Map<string, ICellRecord>();
  metadata: IPoint[] = [];
  stats: IStatsRecord[] = [];
  phases: IPhaseRecord[] = [];
  problem: string | null = null;
  ended = false;
  isDisposed = false;

  private attempt = 0;
  private frame = 0;
  private readonly watch: IDisposable;
  private readonly changedSignal = new Signal<this, void>(this);

  constructor(
    readonly id: string,
    feed: Pick<Feed, 'watch'>
  ) {
    this.watch = feed.watch(id, null, this);
  }

  /** Something was told; at most once a frame. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  onExecution(execution: IExecution): void {
    this.execution = execution;
    this.problem = null;
    this.announce();
  }

  onRecords(attempt: number, records: ExecutionRecord[]): void {
    if (attempt !== this.attempt) {
      this.begin(attempt);
    }
    records.forEach(record => this.take(record));
    this.announce();
  }

  onEnd(): void {
    this.ended = true;
    this.announce();
  }

  onError(message: string): void {
    this.problem = message;
    this.announce();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.watch.dispose();
      cancelAnimationFrame(this.frame);
      Signal.clearData(this);
    }
  }

  /** A new attempt tells everything again; the log of the lost one stays, above a line that says so. */
  private begin(attempt: number): void {
    if (this.attempt > 0) {
      this.log.write('system', `— attempt ${attempt} —\n`);
    }
    this.attempt = attempt;
    this.cells = new Map();
    this.metadata = [];
    this.stats = [];
    this.phases = [];
  }

  private take(record: ExecutionRecord): void {
    switch (record.kind) {
      case 'log':
        this.log.write(record.stream, record.text);
        break;
      case 'cell':
        this.cells.set(record.cell, record);
        break;
      case 'output':
        this.output(record);
        break;
      case 'metadata':
        this.metadata.push(record);
        break;
      case 'stats':
        this.stats.push(record);
        break;
      case 'phase':
        this.phases.push(record);
        break;
    }
  }

  private output({ message, content }: IOutputRecord): void {
    if (message === 'stream' && content) {
      const stream = content.name === 'stderr' ? 'stderr' : 'stdout';
      this.log.write(stream, String(content.text));
    } else if (message === 'error' && content) {
      const trace = (content.traceback as string[] | undefined) ?? [];
      this.log.write('stderr', `${trace.join('\n')}\n`);
    }
  }

  /** Many records come between two frames: tell once. */
  private announce(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.changedSignal.emit();
    });
  }
}
