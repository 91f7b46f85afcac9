import { ExecutionList } from '../src/executions/list';
import { Feed } from '../src/master/feed';
import type { IExecution } from '../src/master/types';
import { execution } from './makes';
import { FakeService, listing } from './service';
import { FakeSocket, settings } from './sockets';

const rows = (count: number, changes: Partial<IExecution> = {}) =>
  Array.from({ length: count }, (_, index) =>
    execution({
      id: `ex-${String(count - index).padStart(26, '0')}`,
      number: count - index,
      status: 'complete',
      ...changes
    })
  );

describe('ExecutionList', () => {
  let feed: Feed;
  let list: ExecutionList;
  const look = async (service: FakeService, path: string | null = null) => {
    list = new ExecutionList(service.requests, feed, {
      user: () => 'ann',
      path: () => path
    });
    await list.refresh();
    return list;
  };
  const settled = () =>
    new Promise<void>(resolve => {
      list.changed.connect(() => !list.loading && resolve());
    });
  const numbers = () => list.executions.map(({ number }) => number);

  beforeEach(() => {
    feed = new Feed(settings());
  });

  afterEach(() => {
    list.dispose();
    feed.dispose();
  });

  it('asks for the person’s own executions first', async () => {
    const service = listing(rows(2));
    await look(service);
    expect(service.asked).toEqual(['master/executions?limit=100&owner=ann']);
    expect(numbers()).toEqual([2, 1]);
  });

  it('asks for everybody’s when everything is wanted', async () => {
    const service = listing(rows(1));
    await look(service);
    list.setFilter({ scope: 'all' });
    expect(service.asked[1]).toBe('master/executions?limit=100');
  });

  it('looks further back until enough was found', async () => {
    const service = listing(rows(350));
    await look(service);
    expect(service.asked.length).toBe(1);
    await list.more();
    expect(service.asked.length).toBe(2);
    expect(list.executions.length).toBe(200);
    expect(list.hasMore).toBe(true);
  });

  it('reads only so many pages for a search that finds nothing', async () => {
    const service = listing(rows(1000));
    await look(service);
    list.setFilter({ search: 'nowhere' });
    await settled();
    expect(service.asked.length).toBeLessThanOrEqual(5);
    expect(numbers()).toEqual([]);
  });

  it('lets the service search, once for what was typed', async () => {
    const service = listing(rows(1));
    await look(service);
    list.setFilter({ search: 'wi' });
    list.setFilter({ search: 'wide #1' });
    await settled();
    expect(service.asked.slice(1)).toEqual([
      'master/executions?limit=100&owner=ann&search=wide+%231'
    ]);
  });

  it('lists the runs of the current notebook, and not of its namesakes', async () => {
    const path = 'train.ipynb';
    const [elsewhere, terminal, other, mine] = rows(4);
    const of = (origin?: string) => ({
      group: 'local',
      notebook: { path, ...(origin && { origin }) }
    });
    elsewhere.spec = of('play/train.ipynb');
    terminal.spec = of();
    mine.spec = of('work/train.ipynb');
    const service = listing([elsewhere, terminal, other, mine]);
    await look(service, 'work/train.ipynb');
    list.setFilter({ scope: 'notebook' });
    await settled();
    expect(numbers()).toEqual([3, 1]);
    expect(service.asked[1]).toBe(
      'master/executions?limit=100&owner=ann&search=train.ipynb'
    );
  });

  it('watches what is not final, without its records', async () => {
    const [live, done] = rows(2);
    await look(listing([{ ...live, status: 'started', attempt: 3 }, done]));
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([
      { watch: '0', execution: live.id, after: `3-${2 ** 31 - 1}` }
    ]);
  });

  it('shows a change of a row at once, and stops watching what has ended', async () => {
    const live = execution({ status: 'started' });
    await look(listing([live]));
    FakeSocket.last.accept();
    const row = { ...live, status: 'complete' };
    FakeSocket.last.say({ watch: '0', type: 'execution', execution: row });
    expect(list.executions[0].status).toBe('complete');
    expect(FakeSocket.last.sent).toContainEqual({ unwatch: '0' });
  });

  it('watches a new attempt from beyond its records again', async () => {
    const live = execution({ status: 'started', attempt: 1 });
    await look(listing([live]));
    FakeSocket.last.accept();
    const row = { ...live, attempt: 2 };
    FakeSocket.last.say({ watch: '0', type: 'execution', execution: row });
    expect(FakeSocket.last.sent).toContainEqual({
      watch: '1',
      execution: live.id,
      after: `2-${2 ** 31 - 1}`
    });
  });

  it('looks again for an execution it does not know, once', async () => {
    const service = listing(rows(1));
    await look(service);
    const stranger = execution({
      id: 'ex-00000000000000000000000009',
      owner: 'bob'
    });
    list.hear(stranger);
    list.hear(stranger);
    expect(service.asked.length).toBe(2);
  });

  it('keeps what was ticked, oldest first', async () => {
    const [three, two, one] = rows(3);
    await look(listing([three, two, one]));
    list.select(three, true);
    list.select(one, true);
    expect(list.selected).toEqual([
      'ex-00000000000000000000000001',
      'ex-00000000000000000000000003'
    ]);
    list.select(three, false);
    expect(list.isSelected('ex-00000000000000000000000003')).toBe(false);
    list.setFilter({ search: 'nowhere' });
    await settled();
    expect(list.selected).toEqual(['ex-00000000000000000000000001']); // What is out of sight stays ticked.
    list.clearSelection();
    expect(list.selected).toEqual([]);
  });

  it('says what is wrong, and forgets it when it is right again', async () => {
    let away = true;
    const service = new FakeService(() => {
      if (away) {
        throw new TypeError('network');
      }
      return { items: [], next: null };
    });
    await look(service);
    expect(list.problem).toMatch(/cannot be reached/);
    away = false;
    await list.refresh();
    expect(list.problem).toBeNull();
  });
});
