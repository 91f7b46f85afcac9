import type { Requests } from '../master/requests';

/** The command that asks for a service; it tells whether there is one now. */
export const CONNECT = 'perijove:connect';

/** What is wrong, as the API words it. */
export interface IProblem {
  code: string;
  message: string;
  hint: string;
}

/** Whether the service can be reached, and as whom. */
export interface IStatus {
  /** The server extension's version. */
  version: string;
  connected: boolean;
  info?: { version: string; user: string | null };
  error?: IProblem;
}

/** Which service is used. The token stays on the server. */
export interface IService {
  url: string;
  source: 'configuration' | 'settings' | null;
  /** Whether there is a token. */
  token: boolean;
  /** Whether it is the person's to choose. */
  editable: boolean;
}

/** Problems that another address or another token mends. */
const MENDABLE = new Set(['not_configured', 'not_perijove', 'unauthenticated']);

/** The server extension's connection to the service. */
export class Connection {
  constructor(private readonly requests: Requests) {}

  status(): Promise<IStatus> {
    return this.requests.get('status');
  }

  service(): Promise<IService> {
    return this.requests.get('settings');
  }

  /** Use another service from now on; refused with a reason where it does not work, and nothing changes then. */
  use(url: string, token: string): Promise<IService & Required<Info>> {
    return this.requests.put('settings', { url, token });
  }

  /** What the person can mend by naming a service, or null. */
  async problem({ error }: Pick<IStatus, 'error'>): Promise<IProblem | null> {
    if (!error || !MENDABLE.has(error.code)) {
      return null;
    }
    return (await this.service()).editable ? error : null;
  }
}

type Info = Pick<IStatus, 'info'>;
