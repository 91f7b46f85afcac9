import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';

import { Displays } from '../src/attach/displays';
import { OutputWriter } from '../src/attach/outputs';
import { cellOf, notebook, output, shown, stream } from './makes';

describe('OutputWriter', () => {
  let model: INotebookModel;
  let cell: ICodeCellModel;
  let writer: OutputWriter;

  beforeEach(() => {
    model = notebook('print(1)');
    cell = cellOf(model, 'cell-1');
    writer = new OutputWriter(cell, 'cell-1', new Displays(() => cell));
  });

  afterEach(() => model.dispose());

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
    expect(shown(cell)).toEqual(['ab\nc\n']);
  });

  it('keeps the two streams apart, in their order', () => {
    writer.write(stream(1, 'out'));
    writer.write(output(2, 'stream', { name: 'stderr', text: 'err' }));
    writer.write(stream(3, 'more'));
    writer.flush();
    expect(cell.outputs.toJSON().map(({ name }) => name)).toEqual([
      'stdout',
      'stderr',
      'stdout'
    ]);
    expect(shown(cell)).toEqual(['out', 'err', 'more']);
  });

  it('writes what was printed before what is displayed after it', () => {
    writer.write(stream(1, 'first'));
    writer.write(display(2, 'second'));
    expect(shown(cell)).toEqual(['first', 'second']);
  });

  it('lets a progress bar write over its own line', () => {
    for (const percent of [10, 50, 100]) {
      writer.write(stream(percent, `\r${percent}%`));
      writer.flush();
    }
    expect(shown(cell)).toEqual(['\r100%'.replace('\r', '')]);
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
    expect(cell.outputs.toJSON()).toEqual([
      { output_type: 'execute_result', ...result },
      { output_type: 'error', ...error }
    ]);
  });

  it('clears at once when it is told to', () => {
    writer.write(display(1, 'old'));
    writer.write(output(2, 'clear_output', { wait: false }));
    expect(shown(cell)).toEqual([]);
  });

  it('waits with clearing until something comes in its place', () => {
    writer.write(display(1, 'old'));
    writer.write(output(2, 'clear_output', { wait: true }));
    expect(shown(cell)).toEqual(['old']);
    writer.write(stream(3, 'new'));
    writer.flush();
    expect(shown(cell)).toEqual(['new']);
  });

  it('clears what it held back, too', () => {
    writer.write(stream(1, 'gone'));
    writer.write(output(2, 'clear_output', { wait: false }));
    writer.write(stream(3, 'kept'));
    writer.flush();
    expect(shown(cell)).toEqual(['kept']);
  });

  it('updates every output of a display id, in place', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(display(2, 'b1', 'b'));
    writer.write(display(3, 'a1', 'a'));
    writer.write(update(4, 'a2', 'a'));
    expect(shown(cell)).toEqual(['a2', 'b1', 'a2']);
    expect(cell.outputs.get(0).type).toBe('display_data');
  });

  it('leaves an update out whose output was cleared, or never was', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(output(2, 'clear_output', { wait: false }));
    writer.write(display(3, 'other'));
    writer.write(update(4, 'a2', 'a'));
    writer.write(update(5, 'z', 'unknown'));
    expect(shown(cell)).toEqual(['other']);
  });

  it('saves no transient part, which nbformat does not know', () => {
    writer.write(display(1, 'a1', 'a'));
    writer.write(update(2, 'a2', 'a'));
    expect(cell.outputs.get(0).toJSON()).not.toHaveProperty('transient');
  });

  it('says so where an output is too large to come along', () => {
    writer.write(output(1, 'display_data', null));
    expect(shown(cell)[0]).toContain('too large');
  });

  it('shows a widget as its plain text: its kernel is elsewhere', () => {
    const data = {
      'application/vnd.jupyter.widget-view+json': { model_id: 'm' },
      'text/plain': 'IntSlider()'
    };
    writer.write(output(1, 'display_data', { data, metadata: {} }));
    const [shownData] = cell.outputs.toJSON().map(({ data }) => data);
    expect(Object.keys(shownData as object)).toEqual(['text/plain']);
    expect(shown(cell)[0]).toMatch(/^IntSlider\(\)\n.*needs a live kernel/);
  });

  it('keeps what a cell showed until it shows something new', () => {
    writer.write(display(1, 'old'));
    writer.begin(false);
    expect(shown(cell)).toEqual(['old']);
    expect(cell.executionState).toBe('running');
    writer.write(display(2, 'new'));
    expect(shown(cell)).toEqual(['new']);
  });

  it('leaves a cell that showed nothing empty at its end', () => {
    writer.write(display(1, 'old'));
    writer.begin(false);
    writer.end(5);
    expect(shown(cell)).toEqual([]);
    expect([cell.executionCount, cell.executionState]).toEqual([5, 'idle']);
  });

  it('trusts only what this person sent', () => {
    writer.begin(false);
    expect(cell.trusted).toBe(false);
    writer.begin(true);
    expect(cell.trusted).toBe(true);
  });
});
