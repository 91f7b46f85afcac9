import { matches, type IFilter, type Standing } from '../src/executions/filter';
import type { Status } from '../src/master/types';
import { execution } from './makes';

const filter = (changes: Partial<IFilter>): IFilter => ({
  scope: 'mine',
  standing: '',
  search: '',
  ...changes
});

describe('matches', () => {
  const run = execution({
    number: 12,
    spec: { group: 'gpu', title: 'Wide net', tags: ['night'] }
  });

  it.each(['wide', 'NET wide', '#12', '12 wide', 'night', 'gpu', 'ann', ' '])(
    'finds it by %s',
    search => {
      expect(matches(run, filter({ search }), null)).toBe(true);
    }
  );

  it('finds only what every word is in', () => {
    expect(matches(run, filter({ search: '#1' }), null)).toBe(false);
    expect(matches(run, filter({ search: 'wide 13' }), null)).toBe(false);
  });

  it.each<[Status, Standing[]]>([
    ['created', ['', 'live']],
    ['stopping', ['', 'live']],
    ['complete', ['', 'complete']],
    ['error', ['', 'failed']],
    ['crashed', ['', 'failed']],
    ['stopped', ['', 'stopped']]
  ])('counts %s among %j', (status, standings) => {
    const all: Standing[] = ['', 'live', 'complete', 'failed', 'stopped'];
    const row = execution({ status });
    expect(
      all.filter(standing => matches(row, filter({ standing }), null))
    ).toEqual(standings);
  });

  it('knows a notebook by where it lies', () => {
    const notebook = { path: 'a.ipynb', origin: 'x/a.ipynb' };
    const row = execution({ spec: { group: 'local', notebook } });
    const of = (path: string) =>
      matches(row, filter({ scope: 'notebook' }), path);
    expect(['x/a.ipynb', 'y/a.ipynb', 'a.ipynb'].map(of)).toEqual([
      true,
      false,
      false
    ]);
  });

  it('does not take a notebook for another of a similar name', () => {
    const row = execution({
      spec: { group: 'local', notebook: { path: 'a.ipynb' } }
    });
    const of = (path: string | null) =>
      matches(row, filter({ scope: 'notebook' }), path);
    expect([of('a.ipynb'), of('x/a.ipynb')]).toEqual([true, true]);
    expect([of('xa.ipynb'), of(null)]).toEqual([false, false]);
  });
});
