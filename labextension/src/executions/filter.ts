import { isFinal, type IExecution } from '../master/types';
import { titleOf } from '../view/words';

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

/** Whether an execution ran the notebook at a path: a spec knows it by its path within the folder that was sent. */
function isOf({ spec }: IExecution, path: string | null): boolean {
  const sent = spec.notebook?.path;
  return (
    sent !== undefined &&
    path !== null &&
    (path === sent || path.endsWith(`/${sent}`))
  );
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

/** Every word must occur in something the person sees of it. */
function mentions(execution: IExecution, search: string): boolean {
  const { number, owner, project_name, spec } = execution;
  const text = [
    `#${number}`,
    titleOf(execution),
    spec.notebook?.path,
    spec.group,
    owner,
    project_name,
    ...(spec.tags ?? [])
  ]
    .join('\n')
    .toLowerCase();
  return search.split(/\s+/).every(word => text.includes(word));
}
