import { isFinal, type IExecution, type IPhaseRecord } from '../master/types';

export type Stage =
  'waiting' | 'queued' | 'preparing' | 'running' | 'uploading';

/** One stage on the way of an execution, and how long it took or takes. */
export interface ISegment {
  stage: Stage;
  seconds: number;
  /** It goes on. */
  now: boolean;
}

type Row = Pick<
  IExecution,
  'status' | 'created_at' | 'queued_at' | 'started_at' | 'finished_at'
>;

/**
 * The stages of an execution, in order.
 *
 * Its row's times are the database's, the phases' are the worker's clock: only differences within one clock are taken, and
 * the last phase gets what is left of the time since the start.
 */
export function timeline(
  row: Row,
  phases: readonly IPhaseRecord[],
  now: number
): ISegment[] {
  const over = isFinal(row.status);
  const created = Date.parse(row.created_at);
  const queued = time(row.queued_at);
  const started = time(row.started_at);
  const end = time(row.finished_at) ?? now;
  const segments = [
    segment('waiting', created, queued ?? started ?? end, !queued && !started)
  ];
  if (queued !== null) {
    segments.push(segment('queued', queued, started ?? end, !started));
  }
  if (started !== null) {
    segments.push(...work(phases, (end - started) / 1000));
  }
  return segments.map((each, index) => ({
    ...each,
    now: !over && index === segments.length - 1
  }));
}

function work(phases: readonly IPhaseRecord[], total: number): ISegment[] {
  if (phases.length === 0) {
    return [{ stage: 'running', seconds: Math.max(0, total), now: true }];
  }
  const first = phases[0].t;
  return phases.map(({ phase, t }, index) => {
    const next = phases[index + 1]?.t ?? first + total;
    return { stage: phase, seconds: Math.max(0, next - t), now: false };
  });
}

function segment(
  stage: Stage,
  from: number,
  to: number,
  now: boolean
): ISegment {
  return { stage, seconds: Math.max(0, (to - from) / 1000), now };
}

function time(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
