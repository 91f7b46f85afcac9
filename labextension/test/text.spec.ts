import { LogText, matching, overwritten } from '../src/executions/text';
import { secondsOf } from './makes';

const whole = (log: LogText) => log.pieces.map(({ text }) => text).join('');

describe('LogText', () => {
  it('joins what is written to one piece', () => {
    const log = new LogText();
    log.write('stdout', 'one\ntw');
    log.write('stdout', 'o\n');
    expect(log.pieces.map(({ text }) => text)).toEqual(['one\ntwo\n']);
    expect(log.length).toBe(8);
  });

  it('keeps the streams apart', () => {
    const log = new LogText();
    log.write('system', '$ make\n');
    log.write('stdout', 'made\n');
    log.write('stderr', 'but\n');
    log.write('stderr', 'late\n');
    expect(log.pieces.map(({ stream, text }) => [stream, text])).toEqual([
      ['system', '$ make\n'],
      ['stdout', 'made\n'],
      ['stderr', 'but\nlate\n']
    ]);
  });

  it('stays readable at a cost that has an end where streams take turns', () => {
    const log = new LogText();
    for (let i = 0; i < 5_000; i++) {
      log.write(i % 2 ? 'stderr' : 'stdout', `${i}\n`);
    }
    expect(log.pieces.length).toBeLessThanOrEqual(1_500);
    expect([log.cut, log.pieces[log.pieces.length - 1].text]).toEqual([
      true,
      '4999\n'
    ]);
    expect(log.length).toBe(whole(log).length);
  });

  it('begins a line where the other stream comes in between', () => {
    const log = new LogText();
    log.write('stdout', 'half');
    log.write('stderr', 'warning\n');
    log.write('stdout', 'next\n');
    expect(whole(log)).toBe('half\nwarning\nnext\n');
  });

  it('leaves of a progress bar what a terminal would', () => {
    const log = new LogText();
    log.write('stderr', '10%');
    log.write('stderr', '\r50%');
    log.write('stderr', '\r100%\n');
    expect(whole(log)).toBe('100%\n');
    expect(log.length).toBe(5);
  });

  it('does not tear lines apart where a piece is full', () => {
    const log = new LogText();
    log.write('stdout', 'x'.repeat(9000));
    log.write('stdout', 'end of the line\nnext');
    expect(log.pieces.map(({ text }) => text.slice(-4))).toEqual([
      'ine\n',
      'next'
    ]);
  });

  it('gives every piece a key that stays its own', () => {
    const log = new LogText();
    for (let i = 0; i < 100; i++) {
      log.write('stdout', `${'x'.repeat(9000)}\n`);
    }
    const keys = log.pieces.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toBeGreaterThan(0);
  });

  it('keeps the end of a long log, and says so', () => {
    const log = new LogText();
    for (let i = 0; i < 60_000; i++) {
      log.write('stdout', `line ${i}\n`);
    }
    expect(log.cut).toBe(true);
    expect(log.length).toBeLessThanOrEqual(400_000);
    expect(log.length).toBe(whole(log).length);
    expect(whole(log).endsWith('line 59999\n')).toBe(true);
  });
});

describe('overwritten', () => {
  it('takes a line end of two characters for one', () => {
    expect(overwritten('a\r\nb\r\n')).toBe('a\nb\n');
  });

  it('keeps a line that nothing was written over yet', () => {
    expect(overwritten('50%\r')).toBe('50%\r');
  });
});

describe('matching', () => {
  const pieces = [
    { key: 1, stream: 'stdout' as const, text: 'Alpha\n\x1b[31mbe\x1b[0mta\n' },
    { key: 2, stream: 'stderr' as const, text: 'gamma\n' }
  ];

  it('finds text whatever its case and colours', () => {
    expect(matching(pieces, 'BETA').lines).toBe(1);
    expect(matching(pieces, 'a').lines).toBe(3);
  });

  it('leaves out pieces without a match', () => {
    const found = matching(pieces, 'alpha');
    expect(found.pieces).toEqual([{ ...pieces[0], text: 'Alpha' }]);
  });
});

describe('a log of any content', () => {
  const long = 100_000;

  it.each([
    ['no carriage return but the first', `\r\n${'x'.repeat(long)}`],
    ['carriage returns only', `${'\r'.repeat(long)}x`],
    ['carriage returns at the end', `x${'\r'.repeat(long)}`],
    ['words between them', 'x\r'.repeat(long / 2)],
    ['an escape that does not end', `\r${'\u001b[0'.repeat(long / 3)}`]
  ])('is shown in no time: %s', (_, text) => {
    const log = new LogText();
    const taken = secondsOf(() => {
      log.write('stdout', text);
      matching(log.pieces, 'y');
    });
    expect(taken).toBeLessThan(1);
  });

  it.each([
    ['a\r\nb\r\r\n', 'a\nb\n'],
    ['10%\r50%\r', '50%\r'],
    ['10%\r\r50%', '50%'],
    ['a\rb\nc\rd\n', 'b\nd\n'],
    ['\r\n\r', '\n\r'],
    ['', '']
  ])('is left as a terminal would: %j', (text, left) => {
    expect(overwritten(text)).toBe(left);
  });

  it('is cut even where no line ever ends', () => {
    const log = new LogText();
    for (let i = 0; i < 100; i++) {
      log.write('stdout', 'x'.repeat(10_000));
    }
    expect([log.cut, log.length <= 500_000]).toEqual([true, true]);
  });
});
