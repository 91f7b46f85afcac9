import { ExecutionList } from '../src/executions/list';
import { Feed } from '../src/master/feed';
import type { IExecution } from '../src/master/types';
import { execution } from './makes';
import { FakeService, listing } from './service';
import { FakeSocket, settings } from './sockets';

const rows = (count: number, changes: Partial<IExecution> = {}) =>
  Array.from({ length: count }, (_, index) =>
    execution({
      id: `ex_${count - index}`,
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
    const done = new Promise<void>(resolve =>
      list.changed.connect(() => !list.loading && resolve())
    );
    list.setFilter({ search: 'nowhere' });
    await done;
    expect(service.asked.length).toBeLessThanOrEqual(5);
    expect(numbers()).toEqual([]);
  });

  it('lists the current notebook’s runs by its path within the folder sent', async () => {
    const notebook = { path: 'train.ipynb' };
    const [other, mine] = rows(2);
    mine.spec = { group: 'local', notebook };
    await look(listing([other, mine]), 'work/train.ipynb');
    list.setFilter({ scope: 'notebook' });
    expect(numbers()).toEqual([1]);
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
    const stranger = execution({ id: 'ex_9', owner: 'bob' });
    list.hear(stranger);
    list.hear(stranger);
    expect(service.asked.length).toBe(2);
  });

  it('keeps what was ticked, oldest first', async () => {
    await look(listing(rows(3)));
    list.select('ex_3', true);
    list.select('ex_1', true);
    expect(list.selected).toEqual(['ex_1', 'ex_3']);
    list.select('ex_3', false);
    expect(list.isSelected('ex_3')).toBe(false);
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
