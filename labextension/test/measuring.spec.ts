import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel, INotebookTracker } from '@jupyterlab/notebook';

import { holdMeasuring, type Hold } from '../src/attach/measuring';
import { cellOf, notebook } from './makes';

/** Milliseconds that measuring one cell takes. */
const COST = 5;

let clock: number;
let measured: string[];
let frames: FrameRequestCallback[];

/** As much of JupyterLab's cell as measures. */
class Cell {
  readonly onOutputChanged = measure;
  isDisposed = false;
  fails = false;

  constructor(readonly model: ICodeCellModel) {
    model.outputs.changed.connect(this.onOutputChanged, this);
  }
}

function measure(this: Cell): void {
  clock += COST;
  if (this.fails) {
    throw new Error('The cell has no height.');
  }
  measured.push(this.model.id);
}

/** One open notebook. */
class Page {
  readonly model: INotebookModel;
  readonly cells: Cell[];
  readonly hold: Hold;

  constructor(count: number) {
    this.model = notebook(...Array<string>(count).fill('print()'));
    this.cells = Array.from(
      { length: count },
      (_, index) => new Cell(cellOf(this.model, `cell-${index + 1}`))
    );
    const panel = { content: { widgets: this.cells } };
    const notebooks = {
      find: (matches: (one: typeof panel) => boolean) =>
        [panel].find(each => matches(each))
    };
    this.hold = holdMeasuring(notebooks as unknown as INotebookTracker);
  }

  write(index: number): void {
    this.cells[index].model.outputs.add({
      output_type: 'stream',
      name: 'stdout',
      text: 'a line\n'
    });
  }

  /** A run that writes to a cell, from its beginning to its end. */
  run(index: number): void {
    const end = this.hold(this.cells[index].model);
    this.write(index);
    end();
  }
}

/** Let the browser draw once; return which cells were measured then. */
function frame(): string[] {
  const before = measured.length;
  for (const drawn of frames.splice(0)) {
    drawn(clock);
  }
  jest.advanceTimersByTime(0);
  return measured.slice(before);
}

describe('holdMeasuring', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    clock = 0;
    measured = [];
    frames = [];
    jest.spyOn(performance, 'now').mockImplementation(() => clock);
    jest
      .spyOn(window, 'requestAnimationFrame')
      .mockImplementation(drawn => frames.push(drawn));
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('lets a cell measure once, a while after it was written to', () => {
    const page = new Page(1);
    const end = page.hold(page.cells[0].model);
    for (let line = 0; line < 50; line++) {
      page.write(0);
    }
    end();
    expect([measured, frames]).toEqual([[], []]);
    jest.advanceTimersByTime(250);
    expect(measured).toEqual([]);
    expect(frame()).toEqual(['cell-1']);
    expect(frames).toEqual([]);
  });

  it('leaves measuring to JupyterLab where nothing is held back', () => {
    const page = new Page(2);
    const end = page.hold(page.cells[0].model);
    page.write(1);
    expect(measured).toEqual(['cell-2']);
    end();
    page.write(0);
    expect(measured).toEqual(['cell-2', 'cell-1']);
  });

  it('measures for 12 ms between two frames, every cell once and in order', () => {
    const page = new Page(8);
    const ends = page.cells.map(({ model }) => page.hold(model));
    page.cells.forEach((_, index) => page.write(index));
    for (const index of [4, 0, 7, 1, 6, 2, 5, 3]) {
      ends[index]();
    }
    jest.advanceTimersByTime(250);
    expect([frame(), frame(), frame(), frame()]).toEqual([
      ['cell-5', 'cell-1', 'cell-8'],
      ['cell-2', 'cell-7', 'cell-3'],
      ['cell-6', 'cell-4'],
      []
    ]);
  });

  it('measures what comes in between after what waits, and again what was measured', () => {
    const page = new Page(5);
    [0, 1, 2, 3].forEach(index => page.run(index));
    jest.advanceTimersByTime(250);
    expect(frame()).toEqual(['cell-1', 'cell-2', 'cell-3']);
    [4, 0, 3].forEach(index => page.run(index));
    expect(frame()).toEqual(['cell-4', 'cell-5', 'cell-1']);
    page.run(1);
    jest.advanceTimersByTime(250);
    expect(frame()).toEqual(['cell-2']);
  });

  it('goes on after a cell that cannot be measured', () => {
    const page = new Page(3);
    page.cells[0].fails = true;
    [0, 1, 2].forEach(index => page.run(index));
    jest.advanceTimersByTime(250);
    expect(frame).toThrow('The cell has no height.');
    expect(frame()).toEqual(['cell-2', 'cell-3']);
  });

  it('leaves out a cell that was closed', () => {
    const page = new Page(3);
    const end = page.hold(page.cells[0].model);
    [1, 2].forEach(index => page.run(index));
    page.cells[0].isDisposed = true;
    page.cells[1].isDisposed = true;
    end();
    jest.advanceTimersByTime(250);
    expect(frame()).toEqual(['cell-3']);
    expect(frames).toEqual([]);
  });

  it('leaves alone a cell that no open notebook has, and one that is held already', () => {
    const page = new Page(1);
    const [{ model }] = page.cells;
    const end = page.hold(model);
    page.hold(model)();
    page.hold(cellOf(new Page(1).model, 'cell-1'))();
    page.write(0);
    jest.advanceTimersByTime(250);
    expect([measured, frames]).toEqual([[], []]);
    end();
    jest.advanceTimersByTime(250);
    expect(frame()).toEqual(['cell-1']);
  });
});
