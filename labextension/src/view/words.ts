import type { TranslationBundle } from '@jupyterlab/translation';

import type { IExecution, Status } from '../master/types';

/** A status in a word for people. */
export function statusWord(status: Status, trans: TranslationBundle): string {
  switch (status) {
    case 'created':
      return trans.__('waiting');
    case 'queued':
      return trans.__('queued');
    case 'started':
      return trans.__('running');
    case 'stopping':
      return trans.__('stopping');
    case 'complete':
      return trans.__('done');
    case 'error':
      return trans.__('failed');
    case 'crashed':
      return trans.__('crashed');
    case 'stopped':
      return trans.__('stopped');
  }
}

/** As many characters as a title may have; a command may have far more. */
const LONGEST_TITLE = 200;

/** What a person knows an execution by: its title, else what it runs, no longer than a title. */
export function titleOf({ spec }: Pick<IExecution, 'spec'>): string {
  const title =
    spec.title ||
    spec.notebook?.path ||
    spec.command?.join(' ; ') ||
    spec.group;
  return title.length > LONGEST_TITLE
    ? `${title.slice(0, LONGEST_TITLE - 1)}…`
    : title;
}

/** How long it runs or ran, in seconds; null before it started. */
export function runningTime(
  { started_at, finished_at }: IExecution,
  now: number
): number | null {
  if (!started_at) {
    return null;
  }
  const end = finished_at ? Date.parse(finished_at) : now;
  return Math.max(0, (end - Date.parse(started_at)) / 1000);
}

/** A metric as a reader wants it: four significant digits. */
export function figure(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}

/** Any value of a parameter or a metric on one line. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : figure(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
