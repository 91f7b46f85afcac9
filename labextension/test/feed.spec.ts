import { Feed, type IListener } from '../src/master/feed';
import { execution, stream } from './makes';
import { FakeSocket, settings } from './sockets';

function listener() {
  const heard: unknown[] = [];
  const listener: IListener = {
    onExecution: row => heard.push(['row', row.status]),
    onRecords: (attempt, records) =>
      heard.push([attempt, ...records.map(({ n }) => n)]),
    onEnd: () => heard.push('end'),
    onError: message => heard.push(['error', message])
  };
  return { heard, listener };
}

describe('Feed', () => {
  let feed: Feed;

  beforeEach(() => {
    jest.useFakeTimers();
    feed = new Feed(settings());
  });

  afterEach(() => {
    feed.dispose();
    jest.useRealTimers();
  });

  it('opens no socket before something is watched', () => {
    expect(FakeSocket.made).toEqual([]);
  });

  it('asks for what is watched once the socket is open', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    const socket = FakeSocket.last;
    expect(socket.url).toBe('ws://localhost:8888/perijove/api/feed');
    expect(socket.sent).toEqual([]);
    socket.accept();
    expect(socket.sent).toEqual([
      { watch: '0', execution: 'ex-00000000000000000000000001', after: null }
    ]);
  });

  it('carries many watches over one socket without mixing them', () => {
    const [one, two] = [listener(), listener()];
    feed.watch('ex-00000000000000000000000001', null, one.listener);
    FakeSocket.last.accept();
    feed.watch(
      'ex-00000000000000000000000002',
      { attempt: 2, n: 7 },
      two.listener
    );
    expect(FakeSocket.made.length).toBe(1);
    const { sent } = FakeSocket.last;
    expect(sent[1]).toEqual({
      watch: '1',
      execution: 'ex-00000000000000000000000002',
      after: '2-7'
    });
    const row = execution();
    FakeSocket.last.say({ watch: '0', type: 'execution', execution: row });
    const records = [stream(8, 'x'), stream(9, 'y')];
    FakeSocket.last.say({ watch: '1', type: 'records', attempt: 2, records });
    expect(one.heard).toEqual([['row', 'started']]);
    expect(two.heard).toEqual([[2, 8, 9]]);
  });

  it('goes on after the last record told when the socket breaks', () => {
    const { heard, listener: told } = listener();
    feed.watch('ex-00000000000000000000000001', null, told);
    FakeSocket.last.accept().say({
      watch: '0',
      type: 'records',
      attempt: 1,
      records: [stream(1, 'x'), stream(2, 'y')]
    });
    FakeSocket.last.breakOff();
    jest.advanceTimersByTime(1_000);
    expect(FakeSocket.made.length).toBe(2);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([
      { watch: '0', execution: 'ex-00000000000000000000000001', after: '1-2' }
    ]);
    FakeSocket.last.say({ watch: '0', type: 'end' });
    expect(heard).toEqual([[1, 1, 2], 'end']);
  });

  it('tries again and again, ever more slowly, while the server is away', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    for (let i = 0; i < 12; i++) {
      FakeSocket.last.breakOff();
      jest.advanceTimersByTime(22_500);
    }
    expect(FakeSocket.made.length).toBe(13);
    FakeSocket.last.breakOff();
    jest.advanceTimersByTime(7_000);
    expect(FakeSocket.made.length).toBe(13);
  });

  it('opens a new socket when the network comes back, though the old one looks open', () => {
    const { heard, listener: told } = listener();
    feed.watch('ex-00000000000000000000000001', null, told);
    const old = FakeSocket.last.accept();
    const records = [stream(1, 'x')];
    old.say({ watch: '0', type: 'records', attempt: 1, records });
    window.dispatchEvent(new Event('online'));
    expect(old.readyState).toBe(WebSocket.CLOSED);
    expect(FakeSocket.last.accept().sent).toEqual([
      { watch: '0', execution: 'ex-00000000000000000000000001', after: '1-1' }
    ]);
    jest.advanceTimersByTime(60_000);
    expect(FakeSocket.made.length).toBe(2);
    expect(heard).toEqual([[1, 1]]);
  });

  it('does not wait any longer when the network comes back', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    FakeSocket.last.breakOff();
    window.dispatchEvent(new Event('online'));
    expect(FakeSocket.made.length).toBe(2);
    jest.advanceTimersByTime(10_000);
    expect(FakeSocket.made.length).toBe(2);
  });

  it('leaves a socket that has been silent for too long', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    FakeSocket.last.accept();
    for (let i = 0; i < 4; i++) {
      jest.advanceTimersByTime(20_000);
      FakeSocket.last.say({ type: 'beat' });
    }
    expect(FakeSocket.made.length).toBe(1);
    jest.advanceTimersByTime(75_000);
    expect(FakeSocket.made.length).toBe(2);
  });

  it('has nothing to open again when nothing is watched', () => {
    window.dispatchEvent(new Event('online'));
    jest.advanceTimersByTime(120_000);
    expect(FakeSocket.made.length).toBe(0);
  });

  it('does not open a second socket while it waits to try again', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    FakeSocket.last.breakOff();
    feed.watch('ex-00000000000000000000000002', null, listener().listener);
    expect(FakeSocket.made.length).toBe(1);
    jest.advanceTimersByTime(1_000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent.map(({ execution }) => execution)).toEqual([
      'ex-00000000000000000000000001',
      'ex-00000000000000000000000002'
    ]);
  });

  it('hears no more of what it unwatched', () => {
    const { heard, listener: told } = listener();
    const watch = feed.watch('ex-00000000000000000000000001', null, told);
    feed.watch('ex-00000000000000000000000002', null, listener().listener);
    FakeSocket.last.accept();
    watch.dispose();
    expect(FakeSocket.last.sent[2]).toEqual({ unwatch: '0' });
    FakeSocket.last.say({ watch: '0', type: 'end' });
    expect(heard).toEqual([]);
  });

  it('closes the socket when nothing is watched, and does not come back', () => {
    const watch = feed.watch(
      'ex-00000000000000000000000001',
      null,
      listener().listener
    );
    const socket = FakeSocket.last.accept();
    watch.dispose();
    expect(socket.readyState).toBe(WebSocket.CLOSED);
    jest.advanceTimersByTime(60_000);
    expect(FakeSocket.made.length).toBe(1);
    feed.watch('ex-00000000000000000000000002', null, listener().listener);
    expect(FakeSocket.made.length).toBe(2);
  });

  it('has the socket open for what is expected to be watched', () => {
    const expecting = feed.expect();
    const socket = FakeSocket.last.accept();
    const watch = feed.watch(
      'ex-00000000000000000000000001',
      null,
      listener().listener
    );
    expect(socket.sent.map(wish => wish.execution)).toEqual([
      'ex-00000000000000000000000001'
    ]);
    expecting.dispose();
    expect(socket.readyState).toBe(WebSocket.OPEN);
    watch.dispose();
    expect(socket.readyState).toBe(WebSocket.CLOSED);
    feed.expect().dispose();
    expect(FakeSocket.last.readyState).toBe(WebSocket.CLOSED);
  });

  it('gives up waiting when what waited is unwatched', () => {
    const watch = feed.watch(
      'ex-00000000000000000000000001',
      null,
      listener().listener
    );
    FakeSocket.last.breakOff();
    watch.dispose();
    jest.advanceTimersByTime(60_000);
    expect(FakeSocket.made.length).toBe(1);
  });

  it('forgets a watch that ended', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    feed.watch('ex-00000000000000000000000002', null, listener().listener);
    FakeSocket.last.accept().say({ watch: '0', type: 'end' });
    FakeSocket.last.breakOff();
    jest.advanceTimersByTime(1_000);
    expect(FakeSocket.last.accept().sent.map(wish => wish.execution)).toEqual([
      'ex-00000000000000000000000002'
    ]);
  });

  it('passes an error on to its watch only', () => {
    const [one, two] = [listener(), listener()];
    feed.watch('ex-00000000000000000000000001', null, one.listener);
    feed.watch('ex-00000000000000000000000002', null, two.listener);
    FakeSocket.last.accept();
    FakeSocket.last.say({ watch: '0', type: 'error', message: 'Not yours.' });
    expect(one.heard).toEqual([['error', 'Not yours.']]);
    expect(two.heard).toEqual([]);
  });

  it('leaves out what it does not know', () => {
    const { heard, listener: told } = listener();
    feed.watch('ex-00000000000000000000000001', null, told);
    FakeSocket.last.accept();
    FakeSocket.last.say({ watch: '0', type: 'weather', message: 'Rain.' });
    FakeSocket.last.say({ watch: null, type: 'error', message: 'What?' });
    expect(heard).toEqual([]);
  });

  it('does not ask again for what was refused for good', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    feed.watch('ex-00000000000000000000000002', null, listener().listener);
    const socket = FakeSocket.last.accept();
    socket.say({ watch: '0', type: 'error', code: 'not_found', message: '' });
    socket.breakOff();
    jest.advanceTimersByTime(1_000);
    expect(FakeSocket.last.accept().sent.map(wish => wish.execution)).toEqual([
      'ex-00000000000000000000000002'
    ]);
  });

  it('asks again for what only lacked a connection', () => {
    const code = 'not_configured';
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    const socket = FakeSocket.last.accept();
    socket.say({ watch: '0', type: 'error', code, message: '' });
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.breakOff(); // The server does so when it was told another service.
    jest.advanceTimersByTime(1_000);
    expect(FakeSocket.last.accept().sent.map(wish => wish.execution)).toEqual([
      'ex-00000000000000000000000001'
    ]);
  });

  it('closes the socket when all that was watched was refused', () => {
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    const socket = FakeSocket.last.accept();
    socket.say({ watch: '0', type: 'error', code: 'not_found', message: '' });
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });

  it.each([
    [true, 'ws://localhost:8888/perijove/api/feed?token=a%2Fb'],
    [false, 'ws://localhost:8888/perijove/api/feed']
  ])('tells its token where JupyterLab does: %s', (appendToken, url) => {
    feed.dispose();
    feed = new Feed({ ...settings(), token: 'a/b', appendToken });
    feed.watch('ex-00000000000000000000000001', null, listener().listener);
    expect(FakeSocket.last.url).toBe(url);
  });

  describe('reach', () => {
    const standings = () => {
      const heard: string[] = [];
      feed.reach.changed.connect((_, standing) => heard.push(standing));
      return heard;
    };
    const row = { watch: '0', type: 'execution', execution: execution() };
    const away = { watch: '0', type: 'away', message: 'Away.' };

    it('tells that the platform is away, and that it is back', () => {
      const heard = standings();
      feed.watch('ex-00000000000000000000000001', null, listener().listener);
      const socket = FakeSocket.last.accept().say(away).say(away);
      expect(heard).toEqual(['away']);
      expect(feed.reach.trouble).toBe('Away.');
      socket.say(row);
      expect(heard).toEqual(['away', 'back']);
      jest.advanceTimersByTime(10_000);
      expect(heard).toEqual(['away', 'back', 'here']);
      expect(feed.reach.trouble).toBe('');
    });

    it('is not back while another execution cannot be heard of', () => {
      feed.watch('ex-00000000000000000000000001', null, listener().listener);
      feed.watch('ex-00000000000000000000000002', null, listener().listener);
      const socket = FakeSocket.last.accept().say(away);
      socket.say({ ...away, watch: '1' }).say(row);
      expect(feed.reach.standing).toBe('away');
      socket.say({ ...row, watch: '1' });
      expect(feed.reach.standing).toBe('back');
    });

    it('asks nothing of what nobody watches any more', () => {
      const watch = feed.watch(
        'ex-00000000000000000000000001',
        null,
        listener().listener
      );
      FakeSocket.last.accept().say(away);
      watch.dispose();
      expect(feed.reach.standing).toBe('back');
    });

    it('makes nothing of one break, and tells of a server that stays away', () => {
      const heard = standings();
      feed.watch('ex-00000000000000000000000001', null, listener().listener);
      FakeSocket.last.accept().breakOff();
      jest.advanceTimersByTime(1_000);
      expect(heard).toEqual([]);
      FakeSocket.last.breakOff();
      expect(feed.reach.trouble).toMatch(/Jupyter server cannot be reached/);
      jest.advanceTimersByTime(2_000);
      FakeSocket.last.accept();
      expect(heard).toEqual(['away', 'back']);
    });
  });
});
