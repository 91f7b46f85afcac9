import { timeline } from '../src/executions/timeline';
import type { IPhaseRecord, Phase } from '../src/master/types';
import { execution } from './makes';

const at = (second: number) =>
  `2026-11-20T12:00:${String(second).padStart(2, '0')}Z`;
const now = (second: number) => Date.parse(at(second));
const phase = (t: number, phase: Phase): IPhaseRecord => ({
  kind: 'phase',
  n: 1,
  t,
  phase
});
const told = (...args: Parameters<typeof timeline>) =>
  timeline(...args).map(({ stage, seconds }) => [stage, seconds]);

describe('timeline', () => {
  it('waits until it is queued', () => {
    const row = execution({ status: 'created', created_at: at(0) });
    expect(timeline(row, [], now(3))).toEqual([
      { stage: 'waiting', seconds: 3, now: true }
    ]);
  });

  it('gives every stage its length', () => {
    const row = execution({
      status: 'complete',
      created_at: at(0),
      queued_at: at(1),
      started_at: at(3),
      finished_at: at(13)
    });
    // The worker's clock is an hour ahead: only its differences count.
    const phases = [
      phase(3600, 'preparing'),
      phase(3602, 'running'),
      phase(3609, 'uploading')
    ];
    expect(told(row, phases, now(50))).toEqual([
      ['waiting', 1],
      ['queued', 2],
      ['preparing', 2],
      ['running', 7],
      ['uploading', 1]
    ]);
  });

  it('lets only the last stage of a living execution go on', () => {
    const row = execution({
      status: 'started',
      queued_at: at(0),
      started_at: at(1)
    });
    const segments = timeline(
      row,
      [phase(9, 'preparing'), phase(10, 'running')],
      now(6)
    );
    expect(segments.map(each => each.now)).toEqual([false, false, false, true]);
    expect(segments[3].seconds).toBe(4);
  });

  it('ends what was stopped before it began', () => {
    const row = execution({
      status: 'stopped',
      created_at: at(0),
      finished_at: at(4)
    });
    expect(timeline(row, [], now(50))).toEqual([
      { stage: 'waiting', seconds: 4, now: false }
    ]);
  });

  it('never shows a negative time where clocks disagree', () => {
    const row = execution({ status: 'started', started_at: at(10) });
    expect(told(row, [phase(100, 'running')], now(5))).toContainEqual([
      'running',
      0
    ]);
  });
});
