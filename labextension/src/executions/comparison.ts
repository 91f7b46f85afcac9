import type { TranslationBundle } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IComparison, IExecution, IMetadata } from '../master/types';
import { plain } from '../view/words';
import type { INotebookDocument } from './declared';
import { factsOf } from './facts';
import { series, type ISeries } from './series';

const NONE = '–';

/** One key with a value for each execution, as text; whether they are all the same. */
export interface IRow {
  name: string;
  values: string[];
  differs: boolean;
}

/** A metric that several executions told, each its own way. */
export interface IOverlay {
  name: string;
  /** One for each execution; null where it did not tell the metric. */
  series: (ISeries | null)[];
}

/** Executions side by side, with every point of their metrics. */
export interface IComparedRuns {
  comparison: IComparison;
  /** The notebook each submitted; null for a command's. */
  notebooks: (INotebookDocument | null)[];
  overlays: IOverlay[];
}

/** Fetch what is needed to set executions side by side. */
export async function compareRuns(
  requests: Pick<Requests, 'get'>,
  ids: readonly string[]
): Promise<IComparedRuns> {
  const query = ids.map(id => `id=${encodeURIComponent(id)}`).join('&');
  const comparison = await requests.get<IComparison>(
    `master/executions/compare?${query}`
  );
  const told = await Promise.all(
    comparison.executions.map(({ id }) =>
      requests.get<IMetadata>(executionPath(id, 'metadata'))
    )
  );
  const notebooks = await Promise.all(
    comparison.executions.map(execution => submitted(requests, execution))
  );
  return { comparison, notebooks, overlays: overlays(told) };
}

/** The notebook an execution submitted; null where it ran a command. */
async function submitted(
  requests: Pick<Requests, 'get'>,
  { id, spec }: IExecution
): Promise<INotebookDocument | null> {
  return spec.notebook
    ? requests.get<INotebookDocument>(
        executionPath(id, 'notebook?which=submitted')
      )
    : null;
}

/** The metrics that at least one execution told as a line. */
export function overlays(told: readonly IMetadata[]): IOverlay[] {
  const all = told.map(({ points }) => series(points));
  const names = new Set(all.flatMap(each => [...each.keys()]));
  return [...names]
    .map(name => ({ name, series: all.map(each => each.get(name) ?? null) }))
    .filter(({ series }) => series.some(each => each && each.x.length > 1));
}

/** A table of the API as rows of text; `missing` stands where an execution has no value. */
export function rows(table: Record<string, unknown[]>, missing = NONE): IRow[] {
  return Object.entries(table).map(([name, values]) =>
    row(name, values, missing)
  );
}

/** What ran, beside each other: a row for each fact that at least one execution has. */
export function factRows(
  executions: readonly IExecution[],
  trans: TranslationBundle
): IRow[] {
  const columns = executions.map(each => new Map(factsOf(each, trans)));
  const names = new Set(columns.flatMap(column => [...column.keys()]));
  return [...names].map(name =>
    row(
      name,
      columns.map(column => column.get(name) ?? null)
    )
  );
}

/** A row of a table; values count as the same when their JSON is. */
export function row(name: string, values: unknown[], missing = NONE): IRow {
  const texts = values.map(value => JSON.stringify(value));
  return {
    name,
    values: values.map(value => (value === null ? missing : plain(value))),
    differs: new Set(texts).size > 1
  };
}
