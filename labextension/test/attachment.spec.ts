import type { INotebookModel } from '@jupyterlab/notebook';

import { Attachment } from '../src/attach/attachment';
import type { ICellState } from '../src/attach/cells';
import { fingerprint } from '../src/attach/fingerprint';
import {
  addAttached,
  attached,
  choices,
  rememberChoices,
  type IAttached
} from '../src/attach/metadata';
import { Feed } from '../src/master/feed';
import type { ExecutionRecord } from '../src/master/types';
import {
  began,
  cellOf,
  execution,
  finished,
  notebook,
  output,
  shown,
  stream
} from './makes';
import { FakeSocket, settings, surroundings } from './sockets';

const SOURCE = 'print(1)';

/** One open notebook, its run, and the server's end of the feed. */
class Page {
  readonly feed = new Feed(settings());
  readonly run: Attachment;

  constructor(
    readonly model: INotebookModel,
    fresh = true,
    entry: IAttached = sent(model)
  ) {
    if (attached(model).length === 0) {
      addAttached(model, entry);
    }
    this.run = new Attachment(
      model,
      structuredClone(entry),
      fresh,
      surroundings()
    );
    this.run.start(this.feed);
    FakeSocket.last.accept();
  }

  tell(records: ExecutionRecord[], attempt = 1): void {
    FakeSocket.last.say({ watch: '0', type: 'records', attempt, records });
    jest.advanceTimersByTime(1_000);
  }

  end(): void {
    FakeSocket.last.say({ watch: '0', type: 'end' });
    jest.advanceTimersByTime(1_000);
  }

  /** Reload the page: the document as it stands, and nothing else, is kept. */
  reload(): Page {
    this.close();
    const [entry] = attached(this.model);
    return new Page(this.model, false, entry);
  }

  close(): void {
    this.run.dispose();
    this.feed.dispose();
  }

  state(cell = 'cell-1'): ICellState['state'] | undefined {
    return this.run.cells.get(cell)?.state;
  }

  shown(cell = 'cell-1'): string[] {
    return shown(cellOf(this.model, cell));
  }
}

function sent(model: INotebookModel): IAttached {
  const cells: Record<string, string> = {};
  for (const cell of model.cells) {
    cells[cell.id] = fingerprint(cell.sharedModel.getSource());
  }
  const base = {
    execution: 'ex-00000000000000000000000001',
    number: 12,
    position: null
  };
  return { ...base, status: 'created', cells, results: {} };
}

describe('Attachment', () => {
  let page: Page;

  beforeEach(() => {
    jest.useFakeTimers();
    page = new Page(notebook(SOURCE, 'print(2)'));
  });

  afterEach(() => {
    page.close();
    jest.useRealTimers();
  });

  it('writes outputs into their cells and tells where each stands', () => {
    expect(page.state()).toBe('waiting');
    page.tell([began(1), stream(2, 'one\n')]);
    expect([page.state(), page.state('cell-2')]).toEqual([
      'running',
      'waiting'
    ]);
    page.tell([finished(3), began(4, 'cell-2'), stream(5, 'two', 'cell-2')]);
    page.tell([finished(6, 'cell-2', 'failed')]);
    expect([page.shown(), page.shown('cell-2')]).toEqual([['one\n'], ['two']]);
    expect([page.state(), page.state('cell-2')]).toEqual(['done', 'failed']);
    expect(cellOf(page.model, 'cell-1').executionCount).toBe(3);
    expect(page.run.cells.get('cell-1')?.seconds).toBe(1.5);
  });

  it('replaces what a cell showed before', () => {
    cellOf(page.model, 'cell-1').outputs.add({
      output_type: 'stream',
      name: 'stdout',
      text: 'of last time'
    });
    page.tell([began(1), stream(2, 'new')]);
    expect(page.shown()).toEqual(['new']);
  });

  it('says which cells did not run when all is told', () => {
    page.tell([began(1), stream(2, 'x')]);
    page.end();
    expect([page.state(), page.state('cell-2')]).toEqual([
      'stopped',
      'skipped'
    ]);
    expect(attached(page.model)[0].complete).toBe(true);
  });

  it('remembers the status, and says when it cannot be followed', () => {
    const row = execution({ status: 'complete' });
    FakeSocket.last.say({ watch: '0', type: 'execution', execution: row });
    expect(attached(page.model)[0].status).toBe('complete');
    FakeSocket.last.say({ watch: '0', type: 'error', message: 'Not yours.' });
    expect(page.run.problem).toBe('Not yours.');
  });

  it('leaves out what is told of cells it does not know', () => {
    page.tell([
      began(1, 'other'),
      stream(2, 'x', 'other'),
      finished(3, 'other')
    ]);
    expect(page.run.cells.has('other')).toBe(false);
    expect(page.state()).toBe('waiting');
  });

  it('leaves out a cell that was deleted meanwhile', () => {
    page.model.sharedModel.deleteCell(0);
    page.tell([began(1), stream(2, 'x'), finished(3)]);
    expect(page.state()).toBe('done');
  });

  describe('reopened', () => {
    const asked = () => FakeSocket.last.sent[0].after;

    it('goes on after what the document has for good', () => {
      page.tell([began(1), stream(2, 'one'), finished(3)]);
      page = page.reload();
      expect(asked()).toBe('1-3');
      expect([page.state(), page.shown()]).toEqual(['done', ['one']]);
      page.tell([began(4, 'cell-2'), stream(5, 'two', 'cell-2')]);
      expect([page.shown(), page.shown('cell-2')]).toEqual([['one'], ['two']]);
    });

    describe('in the midst of a cell', () => {
      const bar = (n: number, message: string, text: string) =>
        output(n, message, {
          data: { 'text/plain': text },
          metadata: {},
          transient: { display_id: 'bar' }
        });
      const records = [
        began(1),
        stream(2, 'start\n'),
        bar(3, 'display_data', '0%')
      ];
      const rest = [bar(4, 'update_display_data', '50%'), finished(5)];

      it('goes on after the last record that was saved', () => {
        page.tell(records);
        page.run.note();
        page = page.reload();
        expect(asked()).toBe('1-3');
        expect([page.state(), page.shown()]).toEqual([
          'running',
          ['start\n', '0%']
        ]);
        page.tell(rest);
        expect([page.state(), page.shown()]).toEqual([
          'done',
          ['start\n', '50%']
        ]);
      });

      it('tells a cell again that is not as it was then, and shows it once', () => {
        page.tell(records);
        page.run.note();
        page.tell([stream(4, 'more')]);
        page = page.reload();
        expect(asked()).toBe('1-0');
        page.tell([...records, stream(4, 'more')]);
        expect(page.shown()).toEqual(['start\n', '0%', 'more']);
      });

      it('tells a cell again whose cursor stands in the midst of a line', () => {
        page.tell([began(1), stream(2, 'abc\r')]);
        page.run.note();
        page = page.reload();
        expect(asked()).toBe('1-0');
        page.tell([began(1), stream(2, 'abc\r'), stream(3, 'x')]);
        expect(page.shown()).toEqual(['xbc']);
      });

      it('remembers a clearing that waits for what comes next', () => {
        const wait = output(4, 'clear_output', { wait: true });
        page.tell([...records, wait]);
        page.run.note();
        page = page.reload();
        expect(asked()).toBe('1-4');
        page.tell([stream(5, 'new')]);
        expect(page.shown()).toEqual(['new']);
      });

      it('goes on in the same attempt, and takes all back in the next', () => {
        page.tell(records);
        page.run.note();
        page = page.reload();
        page.tell([began(1), stream(2, 'again')], 2);
        expect(page.shown()).toEqual(['again']);
      });
    });

    it('lets a later cell update what an earlier one displayed', () => {
      const handle = (n: number, message: string, text: string, cell: string) =>
        output(
          n,
          message,
          {
            data: { 'text/plain': text },
            metadata: {},
            transient: { display_id: 'd' }
          },
          cell
        );
      page.tell([
        began(1),
        handle(2, 'display_data', 'before', 'cell-1'),
        finished(3)
      ]);
      page = page.reload();
      page.tell([
        began(4, 'cell-2'),
        handle(5, 'update_display_data', 'after', 'cell-2')
      ]);
      expect(page.shown()).toEqual(['after']);
    });

    it('does not trust what somebody else may have put into the notebook', () => {
      page = page.reload();
      page.tell([began(1), stream(2, 'x')]);
      expect(cellOf(page.model, 'cell-1').trusted).toBe(false);
    });
  });

  describe('with a cell that was edited since', () => {
    beforeEach(() => {
      cellOf(page.model, 'cell-1').sharedModel.setSource('print("edited")');
      page.tell([began(1), stream(2, 'of the old source'), finished(3)]);
    });

    it('offers the result and does not write it', () => {
      expect(page.shown()).toEqual([]);
      expect(page.run.cells.get('cell-1')?.offered).toBe(true);
      const offer = page.run.offer('cell-1');
      expect(offer && shown(offer)).toEqual(['of the old source']);
    });

    it('inserts it when asked to', () => {
      page.run.insert('cell-1');
      expect(page.shown()).toEqual(['of the old source']);
      expect(page.run.cells.get('cell-1')?.offered).toBe(false);
      expect(page.run.offer('cell-1')).toBeNull();
    });

    it('forgets it when asked to', () => {
      page.run.dismiss('cell-1');
      expect(page.shown()).toEqual([]);
      expect(page.run.offer('cell-1')).toBeNull();
    });

    it('offers it again after a reload', () => {
      page = page.reload();
      expect(FakeSocket.last.sent[0].after).toBe('1-0');
      page.tell([began(1), stream(2, 'of the old source'), finished(3)]);
      const offer = page.run.offer('cell-1');
      expect(offer && shown(offer)).toEqual(['of the old source']);
      expect(page.shown()).toEqual([]);
    });

    it('writes the other cells all the same', () => {
      page.tell([began(4, 'cell-2'), stream(5, 'two', 'cell-2')]);
      expect(page.shown('cell-2')).toEqual(['two']);
    });
  });

  describe('whose worker was lost', () => {
    it('takes back what the lost attempt wrote', () => {
      page.tell([began(1), stream(2, 'lost'), finished(3)]);
      page.tell([began(4, 'cell-2'), stream(5, 'lost, too', 'cell-2')]);
      page.tell([{ kind: 'phase', n: 1, t: 9, phase: 'preparing' }], 2);
      expect([page.shown(), page.shown('cell-2')]).toEqual([[], []]);
      expect([page.state(), page.state('cell-2')]).toEqual([
        'waiting',
        'waiting'
      ]);
      page.tell([began(2), stream(3, 'again'), finished(4)], 2);
      expect([page.state(), page.shown()]).toEqual(['done', ['again']]);
    });

    it('goes on in the new attempt after a reload', () => {
      page.tell([began(1), stream(2, 'lost'), finished(3)]);
      page.tell([began(1), stream(2, 'again'), finished(3)], 2);
      page = page.reload();
      expect(FakeSocket.last.sent[0].after).toBe('2-3');
      expect(page.shown()).toEqual(['again']);
    });
  });

  it('leaves a cell to the local kernel that takes it', () => {
    page.tell([began(1), stream(2, 'remote')]);
    page.run.yield('cell-1');
    cellOf(page.model, 'cell-1').clearExecution();
    page.tell([stream(3, ', still'), finished(4)]);
    expect(page.shown()).toEqual([]);
    const offer = page.run.offer('cell-1');
    expect(offer && shown(offer)).toEqual(['remote, still']);
  });

  it('tells a burst of outputs in slices, and all of it', () => {
    const many = Array.from({ length: 2_000 }, (_, n) => stream(n + 2, '.'));
    page.tell([began(1), ...many]);
    jest.advanceTimersByTime(60_000);
    expect(page.shown()).toEqual(['.'.repeat(2_000)]);
  });
});

describe("a notebook's memory", () => {
  it('keeps the last choices beside the runs', () => {
    const model = notebook(SOURCE);
    expect(choices(model)).toBeNull();
    rememberChoices(model, { group: 'gpu' });
    addAttached(model, sent(model));
    expect(choices(model)).toEqual({ group: 'gpu' });
    expect(attached(model).length).toBe(1);
  });

  it('drops a run all of whose cells a newer one took', () => {
    const model = notebook(SOURCE, 'print(2)');
    const all = sent(model);
    addAttached(model, { ...all, execution: 'ex-00000000000000000000000001' });
    const one = { 'cell-1': all.cells['cell-1'] };
    addAttached(model, {
      ...all,
      execution: 'ex-00000000000000000000000002',
      cells: one
    });
    expect(attached(model).map(({ execution }) => execution)).toEqual([
      'ex-00000000000000000000000001',
      'ex-00000000000000000000000002'
    ]);
    expect(Object.keys(attached(model)[0].cells)).toEqual(['cell-2']);
    addAttached(model, { ...all, execution: 'ex-00000000000000000000000003' });
    expect(attached(model).map(({ execution }) => execution)).toEqual([
      'ex-00000000000000000000000003'
    ]);
  });

  it('leaves alone what another version wrote', () => {
    const model = notebook(SOURCE);
    model.setMetadata('perijove', { attached: [{ run: 'ex_0' }] });
    expect(attached(model)).toEqual([]);
  });
});
