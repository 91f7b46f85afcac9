import { nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

import { addAttached, attached } from '../src/attach/metadata';
import { payloadOf } from '../src/card/payload';
import { files, LeftOut } from '../src/executions/outputs';
import { executionPath, isId, isWebAddress } from '../src/master/ids';
import { notebook } from './makes';
import { FakeService } from './service';

const ID = 'ex-00000000000000000000000001';
/** What a notebook might carry as an execution's id to make a click reach the server's own API. */
const CRAFTED = [
  '../../../../api/shutdown?x=',
  '..',
  'ex-1/../../api/shutdown',
  `${ID}/../..`,
  `${ID}?`,
  `${ID}\n`,
  '%2e%2e',
  '..\\..\\api\\shutdown',
  '',
  null,
  12,
  { toString: () => ID }
];

describe('An id that a notebook carries', () => {
  it.each(CRAFTED)('is refused before it becomes a path: %p', crafted => {
    expect(isId(crafted)).toBe(false);
    expect(() => executionPath(crafted as string, 'stop')).toThrow(
      'not the id of an execution'
    );
    expect(payloadOf({ id: crafted, url: 'https://x' })).toBeNull();
  });

  it('is a path where it is an execution’s', () => {
    expect(executionPath(ID, 'stop')).toBe(`master/executions/${ID}/stop`);
  });

  it('is left out of the runs a notebook remembers where it is none', () => {
    const model = notebook('1');
    const entry = {
      number: 1,
      status: 'started' as const,
      position: null,
      cells: { 'cell-1': 'f' },
      results: {}
    };
    model.setMetadata('perijove', {
      attached: [{ ...entry, execution: '../../api/shutdown' }]
    });
    expect(attached(model)).toEqual([]);
    addAttached(model, { ...entry, execution: ID });
    expect(attached(model).map(({ execution }) => execution)).toEqual([ID]);
  });
});

describe('A path of the server extension', () => {
  it.each([
    'master/executions/../../../api/shutdown',
    'master/executions/%2e%2E/stop',
    'master/executions/./stop',
    'master/executions//stop',
    'master/executions/..\\..\\api',
    'master/executions/.\t./stop',
    'master/executions/x#/stop',
    'master/executions/x/stop '
  ])('never leads out of it: %p', async path => {
    const service = new FakeService(() => ({}));
    expect(() => service.requests.url(path)).toThrow('not an address');
    await expect(service.requests.post(path)).rejects.toMatchObject({
      code: 'invalid_address'
    });
    expect(service.asked).toEqual([]);
  });

  it('may hold dots in its query and in names', () => {
    const { requests } = new FakeService(() => ({}));
    const path = `master/executions/${ID}/outputs/a..b/c.txt?x=1`;
    expect(requests.url(path)).toContain('/outputs/a..b/c.txt?x=1');
    const odd = encodeURIComponent("ü ?#%2e'()*!~{}^|\\");
    expect(requests.url(`master/executions/${ID}/outputs/${odd}`)).toContain(
      `/outputs/${odd}`
    );
  });
});

describe('The list of an execution’s files', () => {
  it('goes on from page to page', async () => {
    const leftOut = {
      left_out: 3,
      left_out_files: [{ name: 'loop', why: 'It is a link to itself.' }]
    };
    const pages: Record<string, unknown> = {
      '': { items: [{ name: 'a' }], next: 'da-1', ...leftOut },
      'da-1': { items: [{ name: 'b' }], next: null, ...leftOut }
    };
    const service = new FakeService(
      path => pages[new URLSearchParams(path.split('?')[1]).get('cursor') ?? '']
    );
    const found = await files(service.requests, ID);
    expect(found.kept.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(service.asked).toHaveLength(2);
    expect([found.leftOut, found.named]).toEqual([3, leftOut.left_out_files]);
  });

  it('names what was left out as text, and counts the rest', () => {
    const named = [{ name: '<b>\u202ex', why: 'It is a socket.' }];
    const trans = nullTranslator.load('perijove');
    const page = renderToStaticMarkup(
      createElement(LeftOut, { leftOut: 3, named, trans })
    );
    expect(page).toContain('3 files were left out:');
    expect(page).toContain('<td dir="auto">&lt;b&gt;\u202ex</td>');
    expect(page).toContain('It is a socket.');
    expect(page).toContain('And 2 more.');
  });
});

describe('A link', () => {
  it.each(['javascript:alert(1)', 'data:text/html,x', 'hub/x', '', null, {}])(
    'leads to no script: %p',
    address => {
      expect(isWebAddress(address)).toBe(false);
    }
  );

  it('leads to a web page', () => {
    expect(isWebAddress('https://hub.example/x')).toBe(true);
    expect(isWebAddress('http://127.0.0.1:8000/')).toBe(true);
  });
});
