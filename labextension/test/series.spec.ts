import { align, axisOf, series, usage } from '../src/executions/series';

const points = (...values: Record<string, unknown>[]) =>
  values.map((each, index) => ({ t: index, values: each }));

describe('series', () => {
  it('counts points where nothing numbers them', () => {
    const told = series(
      points({ loss: 3 }, { loss: 2, note: 'x' }, { acc: 1 })
    );
    expect(told.get('loss')).toEqual({ x: [1, 2], y: [3, 2] });
    expect(told.get('acc')).toEqual({ x: [3], y: [1] });
    expect(told.has('note')).toBe(false);
  });

  it('takes epochs for the axis, and steps where there are none', () => {
    const told = points(
      { epoch: 10, step: 1, loss: 3 },
      { epoch: 20, loss: 2 }
    );
    expect(axisOf(told)).toBe('epoch');
    expect(series(told).get('loss')).toEqual({ x: [10, 20], y: [3, 2] });
    expect(axisOf(points({ step: 5, loss: 1 }))).toBe('step');
    expect(axisOf(points({ epoch: 'first' }))).toBeNull();
  });

  it('puts several series over one axis', () => {
    const one = { x: [1, 3], y: [10, 30] };
    const two = { x: [2, 3, 3], y: [2, 3, 33] };
    expect(align([one, two])).toEqual([
      [1, 2, 3],
      [10, null, 30],
      [null, 2, 33]
    ]);
    expect(align([])).toEqual([[]]);
  });

  it('counts resource use from its first sample', () => {
    const sample = (t: number, cpu: number, memory: number) =>
      ({ kind: 'stats', n: t, t, cpu, memory }) as const;
    expect(usage([sample(100, 1, 5), sample(102, 2, 6)])).toEqual({
      cpu: { x: [0, 2], y: [1, 2] },
      memory: { x: [0, 2], y: [5, 6] }
    });
    expect(usage([]).cpu).toEqual({ x: [], y: [] });
  });
});
