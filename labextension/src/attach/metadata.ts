import type { INotebookModel } from '@jupyterlab/notebook';

import { isId } from '../master/ids';
import type { IPosition, Status } from '../master/types';
import type { IMark } from './outputs';
import type { IBeginning } from './progress';

/** What came of one cell of a run. A cell without one has not begun. */
export interface IResult {
  state: 'running' | 'done' | 'failed';
  seconds: number | null;
  /** Which of the cell's outputs carry a display id, by which later cells may change them. */
  displays?: Record<string, number[]>;
  /** The cell was edited after it was sent: its result waits to be inserted or dismissed. */
  offered?: boolean;
  /** How a running cell stood at the entry's position, from which it can go on if the document still holds that. */
  going?: { began: IBeginning; mark: IMark };
}

/** What the notebook remembers of a run, so that reopening it goes on where the saved outputs end. */
export interface IAttached {
  execution: string;
  number: number;
  status: Status;
  /**
   * The last record that need not be told again. In the midst of a cell only where the document holds all that matters
   * (`going` says what); else before the first cell that is open. A cell whose result is still offered is open, and is
   * told again from its beginning: a page holds it in memory only.
   */
  position: IPosition | null;
  /** The cells that were sent, each with the fingerprint of its source. */
  cells: Record<string, string>;
  results: Record<string, IResult>;
  /** Everything was told and is in the document. */
  complete?: boolean;
  /** Where several people edit: the one client that writes the outputs. */
  writer?: number;
}

/** The choices of the last run of this notebook. */
export interface IChoices {
  group?: string;
  image?: string;
  title?: string;
  tags?: string[];
  parameters?: Record<string, unknown>;
  environment?: Record<string, string>;
  time_limit?: string;
  inputs?: Record<string, string>;
}

interface IPerijove {
  choices?: IChoices;
  attached?: IAttached[];
}

/** The key of all this in the notebook's metadata. */
export const KEY = 'perijove';

function read(model: INotebookModel): IPerijove {
  return (model.getMetadata(KEY) as IPerijove | undefined) ?? {};
}

export function choices(model: INotebookModel): IChoices | null {
  return read(model).choices ?? null;
}

export function rememberChoices(model: INotebookModel, chosen: IChoices): void {
  model.setMetadata(KEY, { ...read(model), choices: chosen });
}

/** The runs a notebook remembers, oldest first; what another version of this extension wrote is left alone. */
export function attached(model: INotebookModel): IAttached[] {
  return (read(model).attached ?? []).filter(
    entry => isId(entry.execution) && entry.cells && entry.results
  );
}

/** Add a run; older ones lose the cells it takes, and are dropped when none is left, so the list stays short. */
export function addAttached(model: INotebookModel, entry: IAttached): void {
  const taken = Object.keys(entry.cells);
  const others = attached(model).map(other => withoutCells(other, taken));
  write(model, [...others, entry]);
}

/** Write a known run's entry again; one whose cells are all gone is dropped. */
export function updateAttached(model: INotebookModel, entry: IAttached): void {
  write(
    model,
    attached(model).map(other =>
      other.execution === entry.execution ? entry : other
    )
  );
}

function write(model: INotebookModel, entries: IAttached[]): void {
  const left = entries.filter(entry => Object.keys(entry.cells).length > 0);
  model.setMetadata(KEY, { ...read(model), attached: left });
}

/** The same entry for the cells that are left. */
export function withoutCells(entry: IAttached, taken: string[]): IAttached {
  const left = <T>(of: Record<string, T>) =>
    Object.fromEntries(
      Object.entries(of).filter(([id]) => !taken.includes(id))
    );
  return { ...entry, cells: left(entry.cells), results: left(entry.results) };
}
