import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** An error of the API: a code for programs, a sentence and a hint for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string
  ) {
    super(message);
  }
}

/** What a person is told of an error: the sentence, and what helps. */
export function wordsOf(error: Error): string {
  const hint = error instanceof ApiError ? error.hint : '';
  return `${error.message} ${hint}`.trim();
}

interface IErrorBody {
  error?: { code?: string; message?: string; hint?: string };
  message?: string;
}

/** Requests to the server extension, which adds the token and passes them on. */
export class Requests {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /**
   * The address of a path of the server extension.
   *
   * @throws ApiError where a browser would ask for another path than this one.
   */
  url(path: string): string {
    if (isRewritten(path)) {
      throw new ApiError(
        0,
        'invalid_address',
        'This is not an address of the server extension.',
        ''
      );
    }
    return URLExt.join(this.settings.baseUrl, 'perijove', 'api', path);
  }

  async get<T>(path: string): Promise<T> {
    return this.request<T>(path, { method: 'GET' });
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.request<T>(path, {
      method: 'POST',
      body: JSON.stringify(body)
    });
  }

  async put<T>(path: string, body: unknown): Promise<T> {
    return this.request<T>(path, { method: 'PUT', body: JSON.stringify(body) });
  }

  /** What is stored at a path, as bytes. */
  async blob(path: string): Promise<Blob> {
    const response = await this.send(path, { method: 'GET' });
    if (!response.ok) {
      throw toError(response, await response.text());
    }
    return response.blob();
  }

  /**
   * What is stored at a path, as JSON, if it has no more bytes than `limit`.
   *
   * @param explain - the sentence for the person where it has more.
   */
  async limited<T>(
    path: string,
    limit: number,
    explain: (size: number) => string
  ): Promise<T> {
    const response = await this.send(path, { method: 'GET' });
    if (!response.ok) {
      throw toError(response, await response.text());
    }
    const size = Number(response.headers.get('Content-Length') ?? 0);
    if (size > limit) {
      void response.body?.cancel();
      throw new ApiError(0, 'too_large', explain(size), '');
    }
    return (await response.json()) as T;
  }

  private async request<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.send(path, init);
    const text = await response.text();
    if (!response.ok) {
      throw toError(response, text);
    }
    return (text ? JSON.parse(text) : null) as T;
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const url = this.url(path);
    try {
      return await ServerConnection.makeRequest(
        url,
        // JupyterLab's own no-store would add a time to the query, which the service refuses as a parameter it does not know.
        { cache: 'no-cache', ...init },
        this.settings
      );
    } catch {
      throw new ApiError(
        0,
        'connection_lost',
        'The Jupyter server cannot be reached.',
        'Check your connection; what runs remotely goes on.'
      );
    }
  }
}

/** Whether a browser takes a path otherwise than it is written: for it `..`, a backslash or a tab is no part of a name. */
function isRewritten(path: string): boolean {
  const [written] = path.split('?');
  const { pathname } = new URL(`http://localhost/${path}`);
  // URLExt.join leaves an empty part out.
  return pathname !== `/${written}` || written.split('/').includes('');
}

function toError(response: Response, text: string): ApiError {
  let body: IErrorBody = {};
  try {
    body = JSON.parse(text) as IErrorBody;
  } catch {
    // A proxy's own page: the status line is all there is to say.
  }
  return new ApiError(
    response.status,
    body.error?.code ?? 'http_error',
    body.error?.message ??
      body.message ??
      `The server answered ${response.status}.`,
    body.error?.hint ?? ''
  );
}
