import { useMemo, useState } from 'react';

import type { IExecution } from '../master/types';
import { figure } from '../view/words';
import type { IOverlay } from './comparison';
import { COLOURS, Plot, type ILine } from './plot';
import { align } from './series';

/** One plot per metric, with a line for each execution. */
export function Overlays(props: {
  overlays: IOverlay[];
  executions: IExecution[];
}): JSX.Element {
  return (
    <div className="pj-Plots">
      {props.overlays.map(overlay => (
        <Overlay
          key={overlay.name}
          overlay={overlay}
          executions={props.executions}
        />
      ))}
    </div>
  );
}

function Overlay(props: {
  overlay: IOverlay;
  executions: IExecution[];
}): JSX.Element {
  const { overlay, executions } = props;
  const [at, setAt] = useState<number | null>(null);
  const lines = useMemo(
    () => linesOf(overlay, executions),
    [overlay, executions]
  );
  const [, ...columns] = useMemo(
    () => align(lines.map(({ series }) => series)),
    [lines]
  );
  return (
    <figure className="pj-Figure">
      <figcaption>
        <span>{overlay.name}</span>
        {lines.map(({ label, colour, series }, index) => (
          <small key={label}>
            <i style={{ background: `var(${colour})` }} /> {label}{' '}
            <b>
              {figure(
                at === null
                  ? series.y[series.y.length - 1]
                  : (columns[index][at] ?? null)
              )}
            </b>
          </small>
        ))}
      </figcaption>
      <Plot
        lines={lines}
        label={overlay.name}
        format={figure}
        onHover={setAt}
      />
    </figure>
  );
}

function linesOf(
  { series }: IOverlay,
  executions: IExecution[]
): (ILine & { colour: string })[] {
  return series.flatMap((each, index) =>
    each
      ? [
          {
            label: `#${executions[index].number}`,
            series: each,
            colour: COLOURS[index % COLOURS.length]
          }
        ]
      : []
  );
}
