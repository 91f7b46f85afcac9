import type { IStatsRecord } from '../master/types';
import type { IPoint } from './story';

/** One metric's points: their places on the x axis, and their values. */
export interface ISeries {
  x: number[];
  y: number[];
}

/** What several series share an x axis of: uPlot's aligned data. */
export type Aligned = [number[], ...(number | null)[][]];

const AXES = ['epoch', 'step'];

/** The metadata key that numbers the points, or null where their order does. */
export function axisOf(points: readonly IPoint[]): string | null {
  const given = AXES.find(key =>
    points.some(({ values }) => typeof values[key] === 'number')
  );
  return given ?? null;
}

/** The numeric keys of metadata, each as a series over `epoch` or `step` where the points have one, else their order. */
export function series(points: readonly IPoint[]): Map<string, ISeries> {
  const axis = axisOf(points);
  const all = new Map<string, ISeries>();
  points.forEach(({ values }, index) => {
    const given = axis === null ? null : values[axis];
    const x = typeof given === 'number' ? given : index + 1;
    for (const [key, value] of Object.entries(values)) {
      if (key !== axis && typeof value === 'number') {
        add(all, key, x, value);
      }
    }
  });
  return all;
}

/** CPUs and memory over the seconds since the first sample. */
export function usage(stats: readonly IStatsRecord[]): {
  cpu: ISeries;
  memory: ISeries;
} {
  const first = stats[0]?.t ?? 0;
  const x = stats.map(({ t }) => t - first);
  return {
    cpu: { x, y: stats.map(({ cpu }) => cpu) },
    memory: { x, y: stats.map(({ memory }) => memory) }
  };
}

/** Put series over one x axis; a value given twice for a place counts as the later one. */
export function align(all: readonly ISeries[]): Aligned {
  const places = [...new Set(all.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const columns = all.map(({ x, y }) => {
    const at = new Map(x.map((place, index) => [place, y[index]]));
    return places.map(place => at.get(place) ?? null);
  });
  return [places, ...columns];
}

function add(
  all: Map<string, ISeries>,
  key: string,
  x: number,
  y: number
): void {
  const known = all.get(key);
  if (known) {
    known.x.push(x);
    known.y.push(y);
  } else {
    all.set(key, { x: [x], y: [y] });
  }
}
