import { NotebookModel, type INotebookModel } from '@jupyterlab/notebook';
import type { ICodeCellModel } from '@jupyterlab/cells';

import type {
  ExecutionRecord,
  IExecution,
  IOutputRecord
} from '../src/master/types';

/** An execution as the service tells it. */
export function execution(changes: Partial<IExecution> = {}): IExecution {
  return {
    id: 'ex-00000000000000000000000001',
    number: 12,
    project: 'pr_1',
    project_name: 'ann',
    owner: 'ann',
    status: 'started',
    reason: null,
    detail: '',
    sentence: 'It runs.',
    hint: '',
    attempt: 1,
    phase: 'running',
    progress: null,
    metadata: {},
    spec: { group: 'local' },
    worker: null,
    created_at: '2026-11-20T12:00:00Z',
    queued_at: null,
    started_at: null,
    finished_at: null,
    url: '',
    ...changes
  };
}

/** A notebook whose code cells, `cell-1`, `cell-2` …, have these sources. */
export function notebook(...sources: string[]): INotebookModel {
  const model = new NotebookModel();
  model.fromJSON({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${index + 1}`,
      source,
      metadata: {},
      outputs: [],
      execution_count: null
    }))
  });
  return model;
}

export function cellOf(model: INotebookModel, id: string): ICodeCellModel {
  for (const cell of model.cells) {
    if (cell.id === id) {
      return cell as ICodeCellModel;
    }
  }
  throw new Error(`there is no ${id}`);
}

/** What a cell shows: the text of its streams, the plain text of the rest. */
export function shown(cell: ICodeCellModel): string[] {
  return cell.outputs.toJSON().map(output => {
    const text =
      output.text ??
      (output.data as Record<string, unknown> | undefined)?.['text/plain'] ??
      output.ename;
    return Array.isArray(text) ? text.join('') : String(text);
  });
}

export function output(
  n: number,
  message: string,
  content: IOutputRecord['content'],
  cell = 'cell-1'
): IOutputRecord {
  return { kind: 'output', n, t: n, cell, message, content };
}

export function stream(
  n: number,
  text: string,
  cell = 'cell-1'
): IOutputRecord {
  return output(n, 'stream', { name: 'stdout', text }, cell);
}

export function began(n: number, cell = 'cell-1'): ExecutionRecord {
  return { kind: 'cell', n, t: n, cell, state: 'running', index: 0, total: 1 };
}

export function finished(
  n: number,
  cell = 'cell-1',
  state: 'done' | 'failed' = 'done'
): ExecutionRecord {
  return {
    kind: 'cell',
    n,
    t: n,
    cell,
    state,
    index: 0,
    total: 1,
    execution_count: 3,
    seconds: 1.5
  };
}

/** How long a call takes. */
export function secondsOf(call: () => unknown): number {
  const begin = performance.now();
  call();
  return (performance.now() - begin) / 1000;
}
