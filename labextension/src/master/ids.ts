import { ApiError } from './requests';

/** What the service's ids look like: two or three letters, and a ULID. Nothing in one means anything in an address. */
const ID = /^[a-z]{2,3}-[0-9a-z]{26}$/;

/** Whether something, which may come out of anybody's notebook, is an id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/**
 * The path of an execution, or of something of its own.
 *
 * @throws ApiError where `id` is none: an id is made by the service, but kept in notebooks, which other people send.
 */
export function executionPath(id: string, below = ''): string {
  if (!isId(id)) {
    throw new ApiError(
      0,
      'invalid_id',
      'This is not the id of an execution.',
      'Whoever made this notebook changed it, or it is broken.'
    );
  }
  return `master/executions/${id}${below && `/${below}`}`;
}

/** Whether an address leads to a web page, and not to a script. */
export function isWebAddress(value: unknown): value is string {
  if (typeof value !== 'string') {
    return false;
  }
  try {
    return ['http:', 'https:'].includes(new URL(value).protocol);
  } catch {
    return false;
  }
}
