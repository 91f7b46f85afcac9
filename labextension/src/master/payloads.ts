import { bytes } from '../view/bytes';
import { executionPath } from './ids';
import { ApiError, type Requests } from './requests';

/** More than this in one output would make the page slow for good. */
export const LARGEST = 32 * 2 ** 20;

const FIRST_PAUSE = 250;
const LAST_PAUSE = 5000;
const NOT_FOUND = 404;

/**
 * The content of a record that was too large for it.
 *
 * The worker stores it beside the record, which may arrive first: until then it is asked for again.
 *
 * @param over - whether the run has ended, when all that will ever be stored is.
 */
export async function fetchPayload(
  requests: Requests,
  execution: string,
  attempt: number,
  ref: string,
  over: () => boolean
): Promise<Record<string, unknown>> {
  const path = executionPath(
    execution,
    `payloads/${encodeURIComponent(ref)}?attempt=${attempt}`
  );
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LAST_PAUSE)) {
    const last = over();
    try {
      return await requests.limited(
        path,
        LARGEST,
        size =>
          `It has ${bytes(size)}, and ${bytes(LARGEST)} are shown at most.`
      );
    } catch (error) {
      const isMissing = error instanceof ApiError && error.status === NOT_FOUND;
      if (!isMissing || last) {
        throw error;
      }
    }
    await new Promise(resolve => setTimeout(resolve, pause));
  }
}
