import type { IFilter } from './filter';

const PAGE = 100;

/** Who looks, and at which notebook. */
export interface IViewpoint {
  user: () => string | null;
  /** Where the current notebook lies below the server's folder; null where there is none that could run. */
  path: () => string | null;
}

/** The address of a page of executions: as much of a filter as the service can tell. */
export function address(
  filter: IFilter,
  viewpoint: IViewpoint,
  cursor: string | null
): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  const owner = filter.scope === 'all' ? null : viewpoint.user();
  const words = [filter.search, notebookOf(filter, viewpoint)].join(' ').trim();
  if (owner) {
    query.set('owner', owner);
  }
  if (words) {
    query.set('search', words);
  }
  if (cursor) {
    query.set('cursor', cursor);
  }
  return `master/executions?${query.toString()}`;
}

/** What distinguishes two filters for the service: the rest is told apart on this page. */
export function key(filter: IFilter, viewpoint: IViewpoint): string {
  return address(filter, viewpoint, null);
}

function notebookOf({ scope }: IFilter, { path }: IViewpoint): string {
  return scope === 'notebook' ? (path()?.split('/').pop() ?? '') : '';
}
