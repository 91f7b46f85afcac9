import { Story } from '../src/executions/story';
import { Feed } from '../src/master/feed';
import { began, execution, finished, output, stream } from './makes';
import { FakeSocket, settings } from './sockets';

describe('Story', () => {
  let feed: Feed;
  let story: Story;
  const tell = (attempt: number, ...records: object[]) =>
    FakeSocket.last.say({ watch: '0', type: 'records', attempt, records });
  const log = () => story.log.pieces.map(({ text }) => text).join('');

  beforeEach(() => {
    feed = new Feed(settings());
    story = new Story('ex-00000000000000000000000001', feed);
    FakeSocket.last.accept();
  });

  afterEach(() => {
    story.dispose();
    feed.dispose();
  });

  it('knows nothing before the service has answered', () => {
    expect(story.execution).toBeNull();
    const row = execution();
    FakeSocket.last.say({ watch: '0', type: 'execution', execution: row });
    expect(story.execution).toEqual(row);
  });

  it('puts what cells print into the log', () => {
    const content = { ename: 'E', evalue: 'x', traceback: ['Trace', 'E: x'] };
    tell(1, stream(1, 'hello\n'), output(2, 'error', content));
    expect(log()).toBe('hello\nTrace\nE: x\n');
  });

  it('leaves out what is too large to be told', () => {
    tell(1, output(1, 'stream', null), stream(2, 'small\n'));
    expect(log()).toBe('small\n');
  });

  it('keeps where each cell stands', () => {
    tell(1, began(1, 'a'), finished(2, 'a'), began(3, 'b'));
    expect([...story.cells.values()].map(({ state }) => state)).toEqual([
      'done',
      'running'
    ]);
  });

  it('tells everything anew for a new attempt, but keeps the old log', () => {
    const metric = { kind: 'metadata', n: 2, t: 2, values: { loss: 1 } };
    tell(1, stream(1, 'first\n'), metric, began(3));
    tell(2, stream(1, 'second\n'));
    expect(story.metadata).toEqual([]);
    expect(story.cells.size).toBe(0);
    expect(log()).toBe('first\n— attempt 2 —\nsecond\n');
  });

  it('announces a burst once', async () => {
    let told = 0;
    const changed = new Promise<void>(resolve =>
      story.changed.connect(() => {
        told += 1;
        resolve();
      })
    );
    tell(1, stream(1, 'a'));
    tell(1, stream(2, 'b'));
    await changed;
    expect(told).toBe(1);
  });

  it('stops watching when its tab is closed', () => {
    story.dispose();
    expect(FakeSocket.last.sent).toContainEqual({ unwatch: '0' });
  });
});
