import type { NotebookPanel } from '@jupyterlab/notebook';

import { Attachments } from '../src/attach/attachments';
import { Feed } from '../src/master/feed';
import { Runner } from '../src/submit/runner';
import { execution, notebook } from './makes';
import { FakeService } from './service';
import { settings, surroundings } from './sockets';

const WHOLE = { cells: null, context: 'needed' as const };

describe('Runner', () => {
  let feed: Feed;
  const told: string[] = [];
  const model = () => notebook('1 + 1');

  /** A notebook panel as far as the runner looks at it: read only, so that nothing is saved. */
  const panel = (path: string, content = model()) =>
    ({
      content: { model: content },
      context: { path, model: content, contentsModel: { writable: false } }
    }) as unknown as NotebookPanel;

  const runner = (notes: string[], shown: string[] = []) => {
    const service = new FakeService(path =>
      path === 'preview'
        ? { notes: shown }
        : { execution: execution(), cells: ['cell-1'], notes }
    );
    const made = new Runner(
      { requests: service.requests, feed },
      new Attachments(feed, surroundings()),
      {
        ask: (_, selection) => Promise.resolve({ choices: {}, selection }),
        tell: note => told.push(note),
        defaults: () => ({})
      }
    );
    return { made, service };
  };

  beforeEach(() => {
    feed = new Feed(settings());
    told.length = 0;
  });

  afterEach(() => feed.dispose());

  it('sends the path with its drive: the server knows which drives are its own', async () => {
    const { made, service } = runner([]);
    await made.submit(panel('RTC:work/a.ipynb'), WHOLE, {});
    expect(service.posted).toEqual([
      expect.objectContaining({ path: 'RTC:work/a.ipynb', cells: null })
    ]);
  });

  it('tells each note of a notebook once', async () => {
    const { made } = runner(['Upgraded.', 'Not parsed.']);
    const one = panel('a.ipynb');
    await made.submit(one, WHOLE, {});
    await made.submit(one, WHOLE, {});
    expect(told).toEqual(['Upgraded.', 'Not parsed.']);
    await made.submit(panel('b.ipynb'), WHOLE, {});
    expect(told.length).toBe(4);
  });

  it('does not repeat what the dialog has shown', async () => {
    const { made } = runner(['Upgraded.', 'A pipe stays here.'], ['Upgraded.']);
    await made.ask(panel('a.ipynb'), WHOLE);
    expect(told).toEqual(['A pipe stays here.']);
  });
});
