import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import type { IRow } from './comparison';

interface ISideBySideProps {
  title: string;
  /** The head of each execution's column. */
  heads: JSX.Element[];
  rows: IRow[];
  /** What to say where there are no rows. */
  empty: string;
  trans: TranslationBundle;
  /** Whether only differences are shown at first. */
  folded?: boolean;
  /** Whether the values are source code. */
  code?: boolean;
}

/** A table with a column for each execution; rows that differ stand out. */
export function SideBySide(props: ISideBySideProps): JSX.Element {
  const { title, rows, trans } = props;
  const [only, setOnly] = useState(props.folded ?? false);
  const different = rows.filter(row => row.differs);
  return (
    <section className="pj-Section">
      <h3>
        {title}
        {rows.length > 0 && (
          <label className="pj-Compare-only">
            <input
              type="checkbox"
              checked={only}
              onChange={event => setOnly(event.target.checked)}
            />
            {trans.__('Only differences')}
          </label>
        )}
      </h3>
      {rows.length === 0 ? (
        <p className="pj-Quiet">{props.empty}</p>
      ) : (
        <Table {...props} rows={only ? different : rows} />
      )}
    </section>
  );
}

function Table(props: ISideBySideProps): JSX.Element {
  const { title, heads, rows, trans, code = false } = props;
  if (rows.length === 0) {
    return <p className="pj-Quiet">{trans.__('No differences.')}</p>;
  }
  return (
    <div className="pj-Compare-scroll">
      <table
        className="pj-Table pj-Compare-table"
        data-code={code}
        aria-label={title}
      >
        <thead>
          <tr>
            <td />
            {heads.map((head, index) => (
              <th key={index} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, values, differs }) => (
            <tr key={name} data-differs={differs}>
              <th scope="row">{name}</th>
              {values.map((value, index) => (
                <td key={index}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
