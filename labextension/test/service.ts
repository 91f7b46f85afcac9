import { Requests } from '../src/master/requests';
import type { IExecution } from '../src/master/types';
import { settings } from './sockets';

/** The server extension's REST side, answering from a table; what is asked for is kept. */
export class FakeService {
  readonly asked: string[] = [];
  /** The bodies of what was posted. */
  readonly posted: unknown[] = [];
  readonly requests: Requests;

  constructor(private readonly answer: (path: string) => unknown) {
    this.requests = new Requests({
      ...settings(),
      fetch: request => this.fetch(request as Request)
    });
  }

  private async fetch(request: Request): Promise<Response> {
    const path = request.url.split('/perijove/api/')[1];
    this.asked.push(path);
    if (request.method === 'POST') {
      this.posted.push(JSON.parse(await request.text()));
    }
    return new Response(JSON.stringify(this.answer(path)));
  }
}

/** A service that lists these executions, so many on a page. */
export function listing(rows: IExecution[], page = 100): FakeService {
  return new FakeService(path => {
    const query = new URLSearchParams(path.split('?')[1]);
    const from = Number(query.get('cursor') ?? 0);
    const to = from + page;
    return {
      items: rows.slice(from, to),
      next: to < rows.length ? String(to) : null
    };
  });
}
