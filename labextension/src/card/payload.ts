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
