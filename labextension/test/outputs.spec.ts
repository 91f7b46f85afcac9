import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';

import { Displays } from '../src/attach/displays';
import { LargeOutputs } from '../src/attach/large';
import { markOf, OutputWriter } from '../src/attach/outputs';
import type { IOutputRecord } from '../src/master/types';
import { cellOf, notebook, output, shown, stream } from './makes';

/** Lets a test say when the content of a large output comes. */
class Contents {
  readonly asked = new Map<
    string,
    { come: (content: object) => void; fail: (why: string) => void }
  >();
  settled = 0;

  readonly fetch = (_attempt: number, ref: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) =>
      this.asked.set(ref, {
        come: content => resolve(content as Record<string, unknown>),
        fail: why => reject(new Error(why))
      })
    );

  of(displays: Displays): LargeOutputs {
    return new LargeOutputs(
      displays,
      this.fetch,
      () => 1,
      () => this.settled++
    );
  }
}

function writerOf(
  cell: ICodeCellModel,
  id: string,
  displays: Displays,
  contents = new Contents()
): OutputWriter {
  return new OutputWriter(cell, id, displays, contents.of(displays));
}

describe('OutputWriter', () => {
  let model: INotebookModel;
  let cell: ICodeCellModel;
  let writer: OutputWriter;

  beforeEach(() => {
    model = notebook('print(1)');
    cell = cellOf(model, 'cell-1');
    writer = writerOf(cell, 'cell-1', new Displays(() => cell));
  });

  afterEach(() => model.dispose());

  /** What the cell shows once all is written. */
  const seen = () => {
    writer.flush();
    return shown(cell);
  };
  const display = (n: number, text: string, id?: string) =>
    output(n, 'display_data', {
      data: { 'text/plain': text },
      metadata: {},
      ...(id && { transient: { display_id: id } })
    });
  const update = (n: number, text: string, id: string) =>
    output(n, 'update_display_data', {
      data: { 'text/plain': text },
      metadata: {},
      transient: { display_id: id }
    });

  it('joins neighbouring pieces of one stream into one output', () => {
    writer.write(stream(1, 'a'));
    writer.write(stream(2, 'b\n'));
    writer.flush();
    writer.write(stream(3, 'c\n'));
    writer.flush();
    expect(seen()).toEqual(['ab\nc\n']);
  });

  it('keeps the two streams apart, in their order', () => {
    writer.write(stream(1, 'out'));
    writer.write(output(2, 'stream', { name: 'stderr', text: 'err' }));
    writer.write(stream(3, 'more'));
    writer.flush();
    writer.flush();
    expect(cell.outputs.toJSON().map(({ name }) => name)).toEqual([
      'stdout',
      'stderr',
      'stdout'
    ]);
    expect(seen()).toEqual(['out', 'err', 'more']);
  });

  it('writes what was printed before what is displayed after it', () => {
    writer.write(stream(1, 'first'));
    writer.write(display(2, 'second'));
    expect(seen()).toEqual(['first', 'second']);
  });

  it('lets a progress bar write over its own line', () => {
    for (const percent of [10, 50, 100]) {
      writer.write(stream(percent, `\r${percent}%`));
      writer.flush();
    }
    expect(seen()).toEqual(['\r100%'.replace('\r', '')]);
  });

  it('takes results and errors as they are', () => {
    const result = {
      data: { 'text/plain': '42', 'text/html': '<b>42</b>' },
      metadata: {},
      execution_count: 7
    };
    const error = {
      ename: 'E',
      evalue: 'v',
      traceback: ['\u001b[31mE\u001b[0m']
    };
    writer.write(output(1, 'execute_result', result));
    writer.write(output(2, 'error', error));
    writer.flush();
    expect(cell.outputs.toJSON()).toEqual([
      { output_type: 'execute_result', ...result },
      { output_type: 'error', ...error }
    ]);
  });

  it('clears at once when it is told to', () => {
    writer.write(display(1, 'old'));
    writer.write(output(2, 'clear_output', { wait: false }));
    expect(seen()).toEqual([]);
  });

  it('waits with clearing until something comes in its place', () => {
    writer.write(display(1, 'old'));
    writer.write(output(2, 'clear_output', { wait: true }));
    expect(seen()).toEqual(['old']);
    writer.write(stream(3, 'new'));
    writer.flush();
    expect(seen()).toEqual(['new']);
  });

  it('clears what it held back, too', () => {
    writer.write(stream(1, 'gone'));
    writer.write(output(2, 'clear_output', { wait: false }));
    writer.write(stream(3, 'kept'));
    writer.flush();
    expect(seen()).toEqual(['kept']);
  });

  it('updates every output of a display id, in place', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(display(2, 'b1', 'b'));
    writer.write(display(3, 'a1', 'a'));
    writer.write(update(4, 'a2', 'a'));
    expect(seen()).toEqual(['a2', 'b1', 'a2']);
    writer.flush();
    expect(cell.outputs.get(0).type).toBe('display_data');
  });

  it('leaves an update out whose output was cleared, or never was', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(output(2, 'clear_output', { wait: false }));
    writer.write(display(3, 'other'));
    writer.write(update(4, 'a2', 'a'));
    writer.write(update(5, 'z', 'unknown'));
    expect(seen()).toEqual(['other']);
  });

  it('saves no transient part, which nbformat does not know', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(update(2, 'a2', 'a'));
    writer.flush();
    expect(cell.outputs.get(0).toJSON()).not.toHaveProperty('transient');
  });

  describe('with a large output', () => {
    let contents: Contents;
    const large = (n: number, ref: string, message = 'display_data') => ({
      ...output(n, message, null),
      ref
    });
    const content = (text: string, id?: string) => ({
      data: { 'text/plain': text },
      metadata: {},
      ...(id && { transient: { display_id: id } })
    });
    const come = async (ref: string, text: string, id?: string) => {
      contents.asked.get(ref)?.come(content(text, id));
      await Promise.resolve();
    };

    beforeEach(() => {
      contents = new Contents();
      const displays = new Displays(() => cell);
      writer = writerOf(cell, 'cell-1', displays, contents);
    });

    it('shows it in its place once it has come', async () => {
      writer.write(display(1, 'before'));
      writer.write(large(2, 'ref-1'));
      writer.write(display(3, 'after'));
      expect(seen()[1]).toContain('being fetched');
      await come('ref-1', 'the plot');
      expect(seen()).toEqual(['before', 'the plot', 'after']);
      expect(contents.settled).toBe(1);
    });

    it('says why it is not shown', async () => {
      writer.write(large(1, 'ref-1'));
      writer.flush();
      contents.asked.get('ref-1')?.fail('It has 50 MB.');
      await Promise.resolve();
      await Promise.resolve();
      expect(seen()[0]).toContain('It has 50 MB.');
    });

    it('forgets it where it was cleared meanwhile', async () => {
      writer.write(large(1, 'ref-1'));
      writer.flush();
      writer.write(output(2, 'clear_output', { wait: false }));
      writer.write(display(3, 'other'));
      expect(seen()).toEqual(['other']);
      await come('ref-1', 'the plot');
      expect(seen()).toEqual(['other']);
    });

    it('shows what later records made of it', async () => {
      writer.write(large(1, 'ref-1'));
      writer.write(update(2, 'newer', 'a'));
      writer.flush();
      await come('ref-1', 'the plot', 'a');
      expect(seen()).toEqual(['newer']);
      writer.write(update(3, 'newest', 'a'));
      expect(seen()).toEqual(['newest']);
    });

    it('does not write a large update over what was said later', async () => {
      writer.write(display(1, 'first', 'a'));
      writer.write(large(2, 'ref-1', 'update_display_data'));
      writer.write(large(3, 'ref-2', 'update_display_data'));
      writer.flush();
      await come('ref-2', 'third', 'a');
      await come('ref-1', 'second', 'a');
      expect(seen()).toEqual(['third']);
      writer.write(display(4, 'fourth', 'a'));
      expect(seen()).toEqual(['third', 'fourth']);
    });
  });

  it('shows a widget as its plain text: its kernel is elsewhere', () => {
    const data = {
      'application/vnd.jupyter.widget-view+json': { model_id: 'm' },
      'text/plain': 'IntSlider()'
    };
    writer.write(output(1, 'display_data', { data, metadata: {} }));
    writer.flush();
    const [shownData] = cell.outputs.toJSON().map(({ data }) => data);
    expect(Object.keys(shownData as object)).toEqual(['text/plain']);
    expect(shown(cell)[0]).toMatch(/^IntSlider\(\)\n.*needs a live kernel/);
  });

  it('keeps what a cell showed until it shows something new', () => {
    writer.write(display(1, 'old'));
    writer.flush();
    writer.begin(false);
    expect(seen()).toEqual(['old']);
    expect(cell.executionState).toBe('running');
    writer.write(display(2, 'new'));
    expect(seen()).toEqual(['new']);
  });

  it('leaves a cell that showed nothing empty at its end', () => {
    writer.write(display(1, 'old'));
    writer.flush();
    writer.begin(false);
    writer.end(5);
    expect(seen()).toEqual([]);
    expect([cell.executionCount, cell.executionState]).toEqual([5, 'idle']);
  });

  it('trusts only what this person sent', () => {
    writer.begin(false);
    expect(cell.trusted).toBe(false);
    writer.begin(true);
    expect(cell.trusted).toBe(true);
  });

  it('writes what is held back as one change of the document', () => {
    let changes = 0;
    cell.outputs.changed.connect(() => changes++);
    writer.write(display(1, 'a1', 'a'));
    for (let n = 2; n < 100; n++) {
      writer.write(update(n, `a${n}`, 'a'));
      writer.write(stream(n, '.'));
    }
    expect(seen()).toEqual(['a99', '.'.repeat(98)]);
    expect(changes).toBe(3);
  });

  it('never writes what is cleared before anybody could see it', () => {
    const written: string[] = [];
    cell.outputs.changed.connect((_, { type }) => written.push(type));
    for (let n = 1; n < 100; n++) {
      writer.write(output(n, 'clear_output', { wait: true }));
      writer.write(display(n, `frame ${n}`));
    }
    expect(seen()).toEqual(['frame 99']);
    expect(written).toEqual(['add']);
  });

  it('keeps a clearing that waits over what is written before it', () => {
    writer.write(output(1, 'clear_output', { wait: true }));
    writer.write(display(2, 'shown'));
    writer.write(output(3, 'clear_output', { wait: true }));
    expect(seen()).toEqual(['shown']);
    writer.write(display(4, 'next'));
    expect(seen()).toEqual(['next']);
  });

  it('knows when a document does not hold all that matters', () => {
    const after = (text: string) => {
      writer.write(stream(1, text));
      writer.flush();
      return writer.mark();
    };
    expect(after('line\n')).toEqual(markOf(cell, false));
    expect(after('half')).not.toBeNull();
    expect(after('\r50%')).toBeNull();
    expect(after('more')).toBeNull();
    expect(after('\rlast\nfree')).not.toBeNull();
  });

  it('leaves the same cell however its records are put together', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const records = story(seed);
      const results = [1, 3, records.length].map(size => {
        const told = notebook('print(1)', 'print(2)');
        const displays = new Displays(id => cellOf(told, id));
        const writers = ['cell-1', 'cell-2'].map(id =>
          writerOf(cellOf(told, id), id, displays)
        );
        records.forEach((record, index) => {
          // A cell is told to its end before the next one begins.
          const [first, second] = writers;
          if (record.cell === 'cell-2') {
            first.flush();
          }
          (record.cell === 'cell-1' ? first : second).write(record);
          if ((index + 1) % size === 0) {
            writers.forEach(each => each.flush());
          }
        });
        writers.forEach(each => each.flush());
        const outputs = ['cell-1', 'cell-2'].map(id =>
          cellOf(told, id).outputs.toJSON()
        );
        const saved = ['cell-1', 'cell-2'].map(id => displays.saved(id));
        const shared = cellOf(told, 'cell-1').sharedModel.toJSON().outputs;
        expect(shared).toEqual(outputs[0]);
        told.dispose();
        return { outputs, saved };
      });
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }
  });

  /** Forty random messages, the second half of another cell; the same for the same seed. */
  function story(seed: number): IOutputRecord[] {
    let state = seed;
    const pick = (most: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % most;
    };
    return Array.from({ length: 40 }, (_, n) => {
      const kinds = [
        () => stream(n, ['a', 'b\n', '\rc', 'd\n\re'][pick(4)]),
        () => output(n, 'stream', { name: 'stderr', text: `err ${n}` }),
        () => display(n, `shown ${n}`),
        () => display(n, `named ${n}`, `id-${pick(3)}`),
        () => update(n, `updated ${n}`, `id-${pick(3)}`),
        () => update(n, `again ${n}`, `id-${pick(3)}`),
        () => output(n, 'clear_output', { wait: pick(2) === 0 })
      ];
      const cell = n < 20 ? 'cell-1' : 'cell-2';
      return { ...kinds[pick(kinds.length)](), cell };
    });
  }
});
