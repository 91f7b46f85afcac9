import { isId } from '../master/ids';
import type { Status } from '../master/types';

/** What a cell keeps of an execution: enough to show it while the service is away, and to ask for more. */
export interface IPayload {
  id: string;
  number: number;
  project_name: string;
  title: string;
  group: string;
  status: Status;
  sentence: string;
  url: string;
}

export const MIME_TYPE = 'application/vnd.perijove.execution+json';

/** What a cell holds, which anybody may have written, as a payload; null where it is none. */
export function payloadOf(value: unknown): IPayload | null {
  const given = (value ?? {}) as Partial<Record<keyof IPayload, unknown>>;
  if (!isId(given.id)) {
    return null;
  }
  const text = (field: unknown) => (typeof field === 'string' ? field : '');
  return {
    id: given.id,
    number: Number(given.number) || 0,
    project_name: text(given.project_name),
    title: text(given.title),
    group: text(given.group),
    status: text(given.status) as Status,
    sentence: text(given.sentence),
    url: text(given.url)
  };
}
