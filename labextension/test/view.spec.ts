import { nullTranslator } from '@jupyterlab/translation';

import { fingerprint } from '../src/attach/fingerprint';
import { bytes } from '../src/view/bytes';
import { duration } from '../src/view/duration';
import {
  figure,
  plain,
  runningTime,
  statusWord,
  titleOf
} from '../src/view/words';
import { isFinal, type Status } from '../src/master/types';
import { execution } from './makes';

const trans = nullTranslator.load('perijove');

describe('words', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_440_000, '1.4 MB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB']
  ])('says %d bytes as %s', (size, words) => {
    expect(bytes(size)).toBe(words);
  });

  it.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1:00'],
    [185, '3:05'],
    [3729, '1:02:09']
  ])('says %d seconds as %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('has a word of its own for every status', () => {
    const all: Status[] = [
      'created',
      'queued',
      'started',
      'stopping',
      'complete',
      'error',
      'crashed',
      'stopped'
    ];
    const words = all.map(status => statusWord(status, trans));
    expect(new Set(words).size).toBe(all.length);
    expect(all.filter(isFinal)).toEqual(all.slice(4));
  });

  it('names an execution by its title, else by what it runs', () => {
    const notebook = { path: 'train.ipynb' };
    const { spec } = execution();
    expect(titleOf({ spec: { ...spec, notebook, title: 'T' } })).toBe('T');
    expect(titleOf({ spec: { ...spec, notebook } })).toBe('train.ipynb');
    const long = titleOf({ spec: { ...spec, command: ['x'.repeat(5000)] } });
    expect(long).toBe(`${'x'.repeat(199)}…`);
    expect(titleOf({ spec: { ...spec, command: ['a', 'b'] } })).toBe('a ; b');
    expect(titleOf({ spec })).toBe('local');
  });

  it('tells how long an execution runs, and ran', () => {
    const started_at = '2026-11-20T12:00:00Z';
    const finished_at = '2026-11-20T12:01:30Z';
    const now = Date.parse('2026-11-20T12:00:10Z');
    expect(runningTime(execution(), now)).toBeNull();
    expect(runningTime(execution({ started_at }), now)).toBe(10);
    const ended = execution({ started_at, finished_at });
    expect(runningTime(ended, now)).toBe(90);
  });

  it('rounds figures, and shows other values as they are', () => {
    expect([figure(0.123456), figure(null)]).toEqual(['0.1235', '–']);
    expect([1e6, 0.5, 'adam', null, [1, 2], true].map(plain)).toEqual([
      '1000000',
      '0.5',
      'adam',
      '–',
      '[1,2]',
      'true'
    ]);
  });
});

describe('fingerprint', () => {
  it('is that of FNV-1a', () => {
    expect(fingerprint('')).toBe('811c9dc5');
    expect(fingerprint('a')).toBe('e40c292c');
    expect(fingerprint('foobar')).toBe('bf9cf968');
  });

  it('differs with the smallest edit', () => {
    expect(fingerprint('x = 1')).not.toBe(fingerprint('x = 1 '));
  });
});
