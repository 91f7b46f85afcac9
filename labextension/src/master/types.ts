/** What the REST API and the event streams carry; the names are the API's. */

export type Status =
  | 'created'
  | 'queued'
  | 'started'
  | 'stopping'
  | 'complete'
  | 'error'
  | 'crashed'
  | 'stopped';

const FINAL: ReadonlySet<Status> = new Set([
  'complete',
  'error',
  'crashed',
  'stopped'
]);

/** Whether nothing leaves this status. */
export function isFinal(status: Status): boolean {
  return FINAL.has(status);
}

/** What a started attempt is doing. */
export type Phase = 'preparing' | 'running' | 'uploading';

export interface IProgress {
  done: number;
  total: number;
}

export interface INotebookWork {
  path: string;
  /** Where the person's own notebook lies below their server's folder. */
  origin?: string;
  sha256?: string;
  cells?: string[];
  context?: Context;
}

/** What an execution takes of its worker. */
export interface IResources {
  cpus?: number;
  memory?: number;
  gpus?: number;
}

/** A spec keeps its file's kebab-case names. */
export interface ISpec {
  title?: string;
  tags?: string[];
  command?: string[];
  notebook?: INotebookWork;
  code?: string;
  group: string;
  image?: string;
  parameters?: Record<string, unknown>;
  resources?: IResources;
  [field: string]: unknown;
}

export interface IExecution {
  id: string;
  number: number;
  project: string;
  project_name: string;
  owner: string;
  status: Status;
  reason: string | null;
  detail: string;
  sentence: string;
  hint: string;
  attempt: number;
  phase: Phase | null;
  progress: IProgress | null;
  /** The latest values; of an execution in a list, and in a stream, as many as there is room for. */
  metadata: Record<string, unknown>;
  metadata_truncated?: boolean;
  spec: ISpec;
  worker: string | null;
  created_at: string;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  url: string;
}

export type Context = 'only' | 'needed' | 'above';

interface IRecordBase {
  n: number;
  t: number;
}

export interface ILogRecord extends IRecordBase {
  kind: 'log';
  stream: 'stdout' | 'stderr' | 'system';
  text: string;
}

export interface ICellRecord extends IRecordBase {
  kind: 'cell';
  cell: string;
  state: 'running' | 'done' | 'failed';
  index: number;
  total: number;
  execution_count?: number | null;
  seconds?: number | null;
}

export interface IOutputRecord extends IRecordBase {
  kind: 'output';
  cell: string;
  message: string;
  content: Record<string, unknown> | null;
  ref?: string | null;
}

export interface IMetadataRecord extends IRecordBase {
  kind: 'metadata';
  values: Record<string, unknown>;
}

export interface IStatsRecord extends IRecordBase {
  kind: 'stats';
  cpu: number;
  memory: number;
}

export interface IPhaseRecord extends IRecordBase {
  kind: 'phase';
  phase: Phase;
  detail?: string;
}

export interface IProgressRecord extends IRecordBase {
  kind: 'progress';
  done: number;
  total: number;
}

/** One numbered entry of an attempt's story. */
export type ExecutionRecord =
  | ILogRecord
  | ICellRecord
  | IOutputRecord
  | IMetadataRecord
  | IStatsRecord
  | IPhaseRecord
  | IProgressRecord;

/** Where a viewer stands in an execution's story: an attempt and a record's number in it. */
export interface IPosition {
  attempt: number;
  n: number;
}

export interface IGroup {
  name: string;
  description: string;
  runtime: 'process' | 'docker';
  /** What keeps work apart from the agent and from other work. */
  isolation: string;
  image: string | null;
  max_workers: number;
  workers: number;
  idle: number;
  waiting: number;
  running: number;
}

export interface IPage<T> {
  items: T[];
  next: string | null;
}

/** A file that is not among the outputs, and why. */
export interface ILeftOut {
  name: string;
  why: string;
}

/** A page of outputs, with how many files are not among them, and the first of those. */
export interface IOutputsPage extends IPage<IOutputFile> {
  left_out: number;
  left_out_files: ILeftOut[];
}

export interface IOutputFile {
  id: string;
  name: string;
  size: number;
  sha256: string;
  media_type: string;
}

/** One try at an execution. */
export interface IAttempt {
  attempt: number;
  worker: string | null;
  started_at: string | null;
  finished_at: string | null;
  reason: string | null;
}

/** An execution with its attempts and the environment it really ran in. */
export interface IExecutionDetail extends IExecution {
  attempts: IAttempt[];
  environment: Record<string, unknown>;
}

/** Several executions side by side: for each key one value per execution, null where it has none. */
export interface IComparison {
  executions: IExecution[];
  parameters: Record<string, unknown[]>;
  metadata: Record<string, unknown[]>;
  environment: Record<string, unknown[]>;
}

/** An execution's metadata: the latest values, and every point. */
export interface IMetadata {
  latest: Record<string, unknown>;
  points: { n: number; t: number; values: Record<string, unknown> }[];
}
