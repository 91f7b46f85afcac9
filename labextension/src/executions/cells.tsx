import type { TranslationBundle } from '@jupyterlab/translation';

import type { ICellRecord } from '../master/types';
import { duration } from '../view/duration';

/** The cells of a notebook run, one mark each: done, running, failed or still to come. */
export function Cells(props: {
  cells: Map<string, ICellRecord>;
  trans: TranslationBundle;
}): JSX.Element {
  const { cells, trans } = props;
  const told = [...cells.values()];
  const total = Math.max(...told.map(cell => cell.total));
  const at = new Map(told.map(cell => [cell.index, cell]));
  const failed = told.filter(({ state }) => state === 'failed').length;
  const done = told.filter(({ state }) => state === 'done').length;
  return (
    <div className="pj-Cells">
      <ol aria-label={trans.__('Cells')}>
        {Array.from({ length: total }, (_, index) => (
          <Mark
            key={index}
            index={index + 1}
            cell={at.get(index + 1)}
            trans={trans}
          />
        ))}
      </ol>
      <span>
        {trans.__('%1 of %2 cells done', done, total)}
        {failed > 0 && trans.__(', %1 failed', failed)}
      </span>
    </div>
  );
}

function Mark(props: {
  index: number;
  cell: ICellRecord | undefined;
  trans: TranslationBundle;
}): JSX.Element {
  const { index, cell, trans } = props;
  const words = describe(index, cell, trans);
  return (
    <li
      data-state={cell?.state ?? 'waiting'}
      title={words}
      aria-label={words}
    />
  );
}

function describe(
  index: number,
  cell: ICellRecord | undefined,
  trans: TranslationBundle
): string {
  const seconds = duration(cell?.seconds ?? 0);
  switch (cell?.state) {
    case 'running':
      return trans.__('Cell %1 is running', index);
    case 'done':
      return trans.__('Cell %1: done in %2', index, seconds);
    case 'failed':
      return trans.__('Cell %1: failed after %2', index, seconds);
    default:
      return trans.__('Cell %1 has not run', index);
  }
}
