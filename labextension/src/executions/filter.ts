import { isFinal, type IExecution } from '../master/types';

/** Whose executions are listed. */
export type Scope = 'notebook' | 'mine' | 'all';

/** The statuses a person tells apart when looking for something. */
export type Standing = '' | 'live' | 'complete' | 'failed' | 'stopped';

export interface IFilter {
  scope: Scope;
  standing: Standing;
  search: string;
}

/** Whether an execution is what is looked for; `path` is the current notebook's. */
export function matches(
  execution: IExecution,
  { scope, standing, search }: IFilter,
  path: string | null
): boolean {
  return (
    (scope !== 'notebook' || isOf(execution, path)) &&
    stands(execution, standing) &&
    mentions(execution, search.trim().toLowerCase())
  );
}

/**
 * Whether an execution ran the notebook at a path. What was sent from a terminal names no notebook of the server's, only
 * its path within the folder that was sent.
 */
function isOf({ spec }: IExecution, path: string | null): boolean {
  const { origin, path: sent } = spec.notebook ?? {};
  if (path === null || sent === undefined) {
    return false;
  }
  return origin ? path === origin : path === sent || path.endsWith(`/${sent}`);
}

function stands({ status }: IExecution, standing: Standing): boolean {
  switch (standing) {
    case '':
      return true;
    case 'live':
      return !isFinal(status);
    case 'failed':
      return status === 'error' || status === 'crashed';
    default:
      return status === standing;
  }
}

/** Every word must occur in something the person sees of it; the service searches the same. */
function mentions(execution: IExecution, search: string): boolean {
  const { number, owner, project_name, spec } = execution;
  const text = [
    spec.title,
    spec.notebook?.path,
    ...(spec.command ?? []),
    spec.group,
    owner,
    project_name,
    ...(spec.tags ?? [])
  ]
    .join('\n')
    .toLowerCase();
  return search
    .split(/\s+/)
    .every(
      word =>
        text.includes(word) || word === `${number}` || word === `#${number}`
    );
}
