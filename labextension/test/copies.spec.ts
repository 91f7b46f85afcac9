import type { Contents } from '@jupyterlab/services';

import { Copies } from '../src/executions/copies';
import { execution } from './makes';
import { FakeService } from './service';

/** A server's folder that keeps what is saved into it. */
class Folder {
  readonly saved = new Map<string, Partial<Contents.IModel>>();

  save(path: string, model: Partial<Contents.IModel>): Promise<void> {
    this.saved.set(path, model);
    return Promise.resolve();
  }
}

const file = (name: string, size = 3) => ({
  id: 'dt_1',
  name,
  size,
  sha256: '',
  media_type: 'text/plain'
});

describe('Copies', () => {
  const run = execution({ number: 7, project_name: 'ann' });
  let folder: Folder;
  let service: FakeService;
  let copies: Copies;

  beforeEach(() => {
    folder = new Folder();
    service = new FakeService(() => ({ cells: [] }));
    copies = new Copies(
      service.requests,
      folder as unknown as Contents.IManager
    );
  });

  it('puts a notebook under its project and number, folders first', async () => {
    expect(await copies.notebook(run, 'executed')).toBe('perijove/ann/7.ipynb');
    expect([...folder.saved.keys()]).toEqual([
      'perijove',
      'perijove/ann',
      'perijove/ann/7.ipynb'
    ]);
    expect(folder.saved.get('perijove/ann/7.ipynb')).toEqual({
      type: 'notebook',
      format: 'json',
      content: { cells: [] }
    });
  });

  it('trusts what the person ran, and nothing else', async () => {
    const cells = [{ cell_type: 'code', metadata: { tags: ['a'] } }];
    service = new FakeService(() => ({ cells }));
    copies = new Copies(
      service.requests,
      folder as unknown as Contents.IManager
    );
    const path = await copies.notebook(run, 'executed', true);
    const metadata = { tags: ['a'], trusted: true };
    expect(folder.saved.get(path)?.content).toEqual({
      cells: [{ cell_type: 'code', metadata }]
    });
    await copies.notebook(run, 'executed', false);
    expect(folder.saved.get(path)?.content).toEqual({ cells });
  });

  it('keeps the notebook as submitted apart from the one that ran', async () => {
    expect(await copies.notebook(run, 'submitted')).toBe(
      'perijove/ann/7-submitted.ipynb'
    );
    expect(service.asked).toEqual([
      'master/executions/ex-00000000000000000000000001/notebook?which=submitted',
      'copies'
    ]);
  });

  it('copies an output byte for byte, in the folders of its name', async () => {
    const path = await copies.output(run, file('plots/été 1.json'));
    expect(path).toBe('perijove/ann/7/outputs/plots/été 1.json');
    expect(service.asked[0]).toBe(
      'master/executions/ex-00000000000000000000000001/outputs/plots/%C3%A9t%C3%A9%201.json'
    );
    const { content } = folder.saved.get(path) as { content: string };
    expect(atob(content)).toBe('{"cells":[]}');
  });

  it('lets the server copy the folder that ran', async () => {
    service = new FakeService(() => ({ path: 'perijove/ann/7/code' }));
    copies = new Copies(
      service.requests,
      folder as unknown as Contents.IManager
    );
    expect(await copies.folder(run)).toBe('perijove/ann/7/code');
    expect(service.asked).toEqual(['ran']);
    expect(service.posted).toEqual([
      { execution: 'ex-00000000000000000000000001' }
    ]);
  });

  it('refuses what is too large to go through the page', async () => {
    await expect(copies.output(run, file('big.bin', 1e9))).rejects.toThrow(
      /download it/
    );
    expect(service.asked).toEqual([]);
  });
});
