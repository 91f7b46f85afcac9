import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';

import manifest from '../package.json';
import { Connection, type IStatus } from '../src/connection/connection';
import { ConnectionForm } from '../src/connection/dialog';
import { ApiError, Requests } from '../src/master/requests';
import { VERSION } from '../src/version';

type Answer = (path: string, init: RequestInit) => Response;

/** The server extension at the HTTP boundary. */
function requests(answer: Answer): Requests {
  return new Requests(
    ServerConnection.makeSettings({
      baseUrl: 'http://localhost:8888/',
      // JupyterLab makes a request of it, whose parts the server would see.
      fetch: async (input: RequestInfo | URL) => {
        const request = input as Request;
        const body = request.method === 'GET' ? '' : await request.text();
        const { pathname } = new URL(request.url);
        return answer(pathname, { method: request.method, body });
      }
    })
  );
}

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status });
const problem = { code: 'unauthenticated', message: 'No.', hint: 'Yes.' };

describe('Requests', () => {
  it('asks the server extension and returns its JSON', async () => {
    const seen: unknown[] = [];
    const asked = requests((path, init) => {
      seen.push([path, init]);
      return json({ ok: true });
    });
    await expect(asked.put('settings', { url: 'u' })).resolves.toEqual({
      ok: true
    });
    expect(seen).toEqual([
      ['/perijove/api/settings', { method: 'PUT', body: '{"url":"u"}' }]
    ]);
  });

  it('turns a refusal into an error with its sentence and hint', async () => {
    const refused = requests(() => json({ error: problem }, 502)).get('status');
    await expect(refused).rejects.toMatchObject({ status: 502, ...problem });
    await expect(refused).rejects.toBeInstanceOf(ApiError);
  });

  it('says what it can of an answer that is not the extension’s', async () => {
    const strange = requests(() => new Response('<html>', { status: 504 }));
    await expect(strange.get('status')).rejects.toMatchObject({
      code: 'http_error',
      message: 'The server answered 504.'
    });
  });

  it('says so when nobody answers', async () => {
    const away = requests(() => {
      throw new TypeError('Failed to fetch');
    });
    await expect(away.get('status')).rejects.toMatchObject({
      code: 'connection_lost'
    });
  });
});

describe('Connection', () => {
  const offer = (editable: boolean) =>
    new Connection(requests(() => json({ url: '', editable })));
  const status = (code: string) => ({
    version: VERSION,
    connected: false,
    error: { ...problem, code }
  });

  it('asks the person for what only they can mend', async () => {
    const found = await offer(true).problem(status('not_configured'));
    expect(found?.message).toBe('No.');
    expect(await offer(true).problem(status('unauthenticated'))).not.toBeNull();
  });

  it('leaves the person alone with what they cannot mend', async () => {
    expect(await offer(false).problem(status('not_configured'))).toBeNull();
    expect(await offer(true).problem(status('connection_lost'))).toBeNull();
    const well: IStatus = { version: VERSION, connected: true };
    expect(await offer(true).problem(well)).toBeNull();
  });
});

describe('ConnectionForm', () => {
  const trans = nullTranslator.load('perijove');

  it('gives what was typed, and shows no token', () => {
    const form = new ConnectionForm(
      { url: 'https://a/', token: true },
      { problem: '', typed: '' },
      trans
    );
    const [url, token] = form.node.querySelectorAll('input');
    expect([url.value, token.value, token.type]).toEqual([
      'https://a/',
      '',
      'password'
    ]);
    token.value = ' secret ';
    expect(form.getValue()).toEqual({ url: 'https://a/', token: 'secret' });
    form.dispose();
  });

  it('names its fields, and says what was wrong', () => {
    const form = new ConnectionForm(
      { url: '', token: false },
      { problem: 'Wrong.', typed: 'mistyped' },
      trans
    );
    const labels = [...form.node.querySelectorAll('label')];
    expect(labels.map(label => label.control?.id)).toEqual([
      'pj-connection-url',
      'pj-connection-token'
    ]);
    const alert = form.node.querySelector('[role=alert]');
    expect(alert?.textContent).toBe('Wrong.');
    expect(form.getValue().token).toBe('mistyped');
    form.dispose();
  });
});

it('is of the version that its package says', () => {
  expect(manifest.version).toBe(VERSION);
});
