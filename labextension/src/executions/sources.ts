import { row, type IRow } from './comparison';
import type { INotebookDocument } from './declared';

/** The parameters' own cell: what it holds is compared by name. */
const INJECTED = 'injected-parameters';

/** The code cells of several notebooks, beside each other by their ids; a notebook is null where there is none. */
export function sourceRows(
  notebooks: readonly (INotebookDocument | null)[]
): IRow[] {
  const columns = notebooks.map(sourcesOf);
  const ids = new Set(columns.flatMap(column => [...column.keys()]));
  return [...ids].map(id =>
    row(
      id,
      columns.map(column => column.get(id) ?? null)
    )
  );
}

function sourcesOf(notebook: INotebookDocument | null): Map<string, string> {
  const cells = (notebook?.cells ?? []).filter(
    ({ cell_type, metadata }) =>
      cell_type === 'code' && !metadata?.tags?.includes(INJECTED)
  );
  return new Map(
    cells.map(({ id, source }, index) => [
      id ?? `cell ${index + 1}`,
      [source ?? ''].flat().join('')
    ])
  );
}
