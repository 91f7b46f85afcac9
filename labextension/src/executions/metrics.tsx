import type { TranslationBundle } from '@jupyterlab/translation';
import { useMemo, useState } from 'react';

import type { IStatsRecord } from '../master/types';
import { bytes } from '../view/bytes';
import { figure } from '../view/words';
import { Plot } from './plot';
import { axisOf, series, usage, type ISeries } from './series';
import type { IPoint } from './story';

/** Every metric as a plot of its own, below those that have a single value. */
export function Metrics(props: {
  points: IPoint[];
  trans: TranslationBundle;
}): JSX.Element {
  const { points, trans } = props;
  const count = points.length;
  const all = useMemo(() => [...series(points)], [points, count]);
  const axis = axisOf(points) ?? trans.__('point');
  const figures = (some: typeof all) =>
    some.map(([name, series]) => (
      <Figure
        key={name}
        name={name}
        axis={axis}
        series={series}
        format={figure}
      />
    ));
  const single = all.filter(([, { y }]) => y.length === 1);
  const lines = all.filter(([, { y }]) => y.length > 1);
  return (
    <>
      {single.length > 0 && <div className="pj-Values">{figures(single)}</div>}
      <div className="pj-Plots">{figures(lines)}</div>
    </>
  );
}

/** CPUs and memory over the time it ran. */
export function Usage(props: {
  stats: IStatsRecord[];
  trans: TranslationBundle;
}): JSX.Element {
  const { stats, trans } = props;
  const count = stats.length;
  const { cpu, memory } = useMemo(() => usage(stats), [stats, count]);
  const axis = trans.__('second');
  return (
    <div className="pj-Plots">
      <Figure
        name={trans.__('CPUs')}
        axis={axis}
        series={cpu}
        format={figure}
      />
      <Figure
        name={trans.__('Memory')}
        axis={axis}
        series={memory}
        format={bytes}
      />
    </div>
  );
}

interface IFigureProps {
  name: string;
  /** What the x axis counts. */
  axis: string;
  series: ISeries;
  format: (value: number) => string;
}

function Figure({ name, axis, series, format }: IFigureProps): JSX.Element {
  const [at, setAt] = useState<number | null>(null);
  const { x, y } = series;
  const index = at !== null && at < y.length ? at : y.length - 1;
  const lines = useMemo(() => [{ label: name, series }], [name, series]);
  return (
    <figure className="pj-Figure">
      <figcaption>
        <span>{name}</span>
        <b>{format(y[index])}</b>
        {at !== null && index === at && (
          <small>
            {axis} {figure(x[index])}
          </small>
        )}
      </figcaption>
      {y.length > 1 && (
        <Plot lines={lines} label={name} format={format} onHover={setAt} />
      )}
    </figure>
  );
}
