import { changesOf, formOf } from '../src/executions/changes';
import { declared } from '../src/executions/declared';
import { secondsOf } from './makes';

const notebook = (source: string, language = 'python') => ({
  metadata: { kernelspec: { language } },
  cells: [{ source: 'x = 1' }, { source, metadata: { tags: ['parameters'] } }]
});

describe('declared', () => {
  it('reads plain defaults', () => {
    const source = [
      'epochs = 30  # how often',
      'rate: float = 1e-3',
      "name = 'a # b'",
      'fast = True',
      'limit = None',
      'big = 1_000'
    ].join('\n');
    expect(Object.fromEntries(declared(notebook(source)))).toEqual({
      epochs: 30,
      rate: 0.001,
      name: 'a # b',
      fast: true,
      limit: null,
      big: 1000
    });
  });

  it('leaves out what is computed', () => {
    const source =
      'a = b + 1\nc = [1, 2]\nif a == 3:\n    d = 4\ne = "x" + "y"';
    expect(declared(notebook(source)).size).toBe(0);
  });

  it('takes no time over what is no parameter, however long it is', () => {
    const long = 100_000;
    const lines = [
      `x = ${' '.repeat(long)}\u2028 1`,
      `x = ${'1'.repeat(long)}!`,
      `x = ${'#'.repeat(long)}\u2028 1`,
      `x = "${'a'.repeat(long)}`,
      `x: ${':'.repeat(long)}`
    ];
    for (const line of lines) {
      expect(secondsOf(() => declared(notebook(line)))).toBeLessThan(1);
    }
  });

  it('reads no other language’s cells', () => {
    expect(declared(notebook('epochs = 30', 'R')).size).toBe(0);
    expect(declared({}).size).toBe(0);
  });
});

describe('running again', () => {
  const spec = {
    group: 'local',
    title: 'Old',
    parameters: { epochs: 5, name: 'x', layers: [1, 2], fast: true }
  };
  const local = { name: 'local', isolation: 'unsandboxed' };
  const gpu = { name: 'gpu', isolation: 'containers' };
  const defaults = new Map<string, unknown>([
    ['epochs', 30],
    ['seed', 7]
  ]);

  it('offers what was given, and what else the notebook declares', () => {
    const { schema, values } = formOf({ spec }, [local, gpu], defaults);
    expect(values.parameters).toEqual({
      epochs: 5,
      name: 'x',
      layers: '[1,2]',
      fast: true,
      seed: 7
    });
    expect(schema).toMatchObject({
      properties: {
        group: {
          oneOf: [
            { const: 'local', title: 'local (unsandboxed)' },
            { const: 'gpu', title: 'gpu (containers)' }
          ]
        },
        parameters: {
          properties: {
            epochs: { type: 'number' },
            layers: { type: 'string' },
            fast: { type: 'boolean' }
          }
        }
      }
    });
  });

  it('has no fields for parameters where there are none', () => {
    const bare = { spec: { group: 'local' } };
    const { schema } = formOf(bare, [local], new Map());
    expect(Object.keys(schema.properties as object)).toEqual([
      'title',
      'group'
    ]);
  });

  it('changes nothing where nothing was changed', () => {
    const { values } = formOf({ spec }, [local], defaults);
    expect(changesOf({ spec }, values, defaults)).toEqual({});
  });

  it('sends what differs, and only that', () => {
    const { values } = formOf({ spec }, [local, gpu], defaults);
    const parameters = {
      ...(values.parameters as object),
      epochs: 6,
      layers: '[3]',
      seed: 8
    };
    const given = { title: 'New', group: 'gpu', parameters };
    expect(changesOf({ spec }, given, defaults)).toEqual({
      title: 'New',
      group: 'gpu',
      parameters: { epochs: 6, layers: [3], seed: 8 }
    });
  });

  it('takes an emptied number for no change, and an emptied text for an empty one', () => {
    const given = { title: 'Old', group: 'local', parameters: { fast: false } };
    expect(changesOf({ spec }, given, new Map()).parameters).toEqual({
      name: '',
      fast: false
    });
  });
});
