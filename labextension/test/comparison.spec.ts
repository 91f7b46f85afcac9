import { nullTranslator } from '@jupyterlab/translation';

import {
  compareRuns,
  factRows,
  overlays,
  rows
} from '../src/executions/comparison';
import { sourceRows } from '../src/executions/sources';
import { execution } from './makes';
import { FakeService } from './service';

const told = (...values: Record<string, unknown>[]) => ({
  latest: {},
  points: values.map((each, index) => ({ n: index, t: index, values: each }))
});

describe('rows', () => {
  it('marks what differs', () => {
    expect(rows({ a: [1, 1], b: [1, 2], c: ['1', 1] })).toEqual([
      { name: 'a', values: ['1', '1'], differs: false },
      { name: 'b', values: ['1', '2'], differs: true },
      { name: 'c', values: ['1', '1'], differs: true }
    ]);
  });

  it('says what stands where a value is missing', () => {
    expect(rows({ a: [null, 1] }, 'default')[0]).toEqual({
      name: 'a',
      values: ['default', '1'],
      differs: true
    });
  });
});

describe('overlays', () => {
  it('lays a metric of several executions over each other', () => {
    const [one, two] = [told({ loss: 3 }, { loss: 2 }), told({ acc: 1 })];
    expect(overlays([one, two])).toEqual([
      { name: 'loss', series: [{ x: [1, 2], y: [3, 2] }, null] }
    ]);
  });
});

describe('sourceRows', () => {
  const cell = (
    id: string,
    source: string | string[],
    tags: string[] = []
  ) => ({
    id,
    cell_type: 'code',
    source,
    metadata: { tags }
  });

  it('sets the cells of notebooks side by side', () => {
    const one = { cells: [cell('a', 'x = 1'), cell('b', ['y\n', 'z'])] };
    const two = { cells: [cell('a', 'x = 2'), cell('b', 'y\nz')] };
    expect(sourceRows([one, two])).toEqual([
      { name: 'a', values: ['x = 1', 'x = 2'], differs: true },
      { name: 'b', values: ['y\nz', 'y\nz'], differs: false }
    ]);
  });

  it('leaves out the cell that carries the parameters, and prose', () => {
    const prose = { id: 'c', cell_type: 'markdown', source: '# Title' };
    const cells = [cell('a', 'x = 1', ['injected-parameters']), prose];
    expect(sourceRows([{ cells }, null])).toEqual([]);
  });
});

describe('factRows', () => {
  it('has a row for what at least one of them has', () => {
    const trans = nullTranslator.load('perijove');
    const image = { group: 'gpu', image: 'python:3.13' };
    const made = factRows([execution(), execution({ spec: image })], trans);
    expect(made.find(({ name }) => name === 'Image')).toEqual({
      name: 'Image',
      values: ['–', 'python:3.13'],
      differs: true
    });
    expect(made.find(({ name }) => name === 'Project')?.differs).toBe(false);
  });
});

describe('compareRuns', () => {
  it('asks for the notebooks of those that ran one', async () => {
    const spec = { group: 'local', notebook: { path: 'a.ipynb' } };
    const executions = [
      execution({ id: 'ex-0000000000000000000000000a', spec }),
      execution({ id: 'ex-0000000000000000000000000b' })
    ];
    const service = new FakeService(path =>
      path.includes('compare')
        ? { executions, parameters: {}, metadata: {}, environment: {} }
        : path.includes('notebook')
          ? { cells: [] }
          : told()
    );
    const runs = await compareRuns(service.requests, ['a', 'b']);
    expect(runs.notebooks).toEqual([{ cells: [] }, null]);
  });

  it('asks for the comparison and every execution’s points', async () => {
    const executions = [
      execution({ id: 'ex-0000000000000000000000000a' }),
      execution({ id: 'ex-0000000000000000000000000b' })
    ];
    const service = new FakeService(path =>
      path.includes('compare')
        ? { executions, parameters: {}, metadata: {}, environment: {} }
        : told({ loss: 1 }, { loss: 2 })
    );
    const runs = await compareRuns(service.requests, ['a', 'b']);
    expect(service.asked).toEqual([
      'master/executions/compare?id=a&id=b',
      'master/executions/ex-0000000000000000000000000a/metadata',
      'master/executions/ex-0000000000000000000000000b/metadata'
    ]);
    expect(runs.overlays.map(({ name }) => name)).toEqual(['loss']);
  });
});
