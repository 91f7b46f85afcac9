import type { Cell } from '@jupyterlab/cells';
import { nullTranslator } from '@jupyterlab/translation';

import { Attachment } from '../src/attach/attachment';
import { outcome, type ICellState } from '../src/attach/cells';
import type { IAttached } from '../src/attach/metadata';
import { Badges } from '../src/view/badge';
import { notebook } from './makes';
import { surroundings } from './sockets';

const STATES: ICellState['state'][] = [
  'waiting',
  'running',
  'done',
  'failed',
  'stopped',
  'skipped'
];

function state(changes: Partial<ICellState>): ICellState {
  const base = { since: null, seconds: null, offered: false };
  return { state: 'waiting', ...base, ...changes };
}

describe('Badges', () => {
  const asked: string[] = [];
  const badges = new Badges(
    {
      open: run => asked.push(`open ${run.entry.number}`),
      show: (_, cell) => asked.push(`show ${cell}`),
      insert: (_, cell) => asked.push(`insert ${cell}`),
      dismiss: (_, cell) => asked.push(`dismiss ${cell}`)
    },
    nullTranslator.load('perijove')
  );
  let cell: Cell;
  let run: Attachment;

  beforeEach(() => {
    asked.length = 0;
    // All that a badge uses of a cell.
    const node = document.createElement('div');
    cell = { node, model: { id: 'cell-1' } } as unknown as Cell;
    const entry: IAttached = {
      execution: 'ex-00000000000000000000000001',
      number: 12,
      status: 'started',
      position: null,
      cells: {},
      results: {}
    };
    run = new Attachment(notebook('1'), entry, false, surroundings());
  });

  const text = () => cell.node.textContent;
  const buttons = () => [...cell.node.querySelectorAll('button')];

  it('stands between code and outputs, also where these come later', () => {
    badges.show(cell, run, state({}));
    for (const part of ['jp-Cell-inputWrapper', 'jp-Cell-outputWrapper']) {
      const node = document.createElement('div');
      node.className = part;
      cell.node.append(node);
    }
    badges.show(cell, run, state({}));
    expect([...cell.node.children].map(node => node.className)).toEqual([
      'jp-Cell-inputWrapper',
      'pj-Badge',
      'jp-Cell-outputWrapper'
    ]);
  });

  it('has a word of its own for every state', () => {
    const words = STATES.map(each => {
      badges.show(cell, run, state({ state: each }));
      return text();
    });
    expect(new Set(words).size).toBe(STATES.length);
    expect(words.every(word => word?.startsWith('#12'))).toBe(true);
  });

  it('is one line of a cell, however often it is drawn', () => {
    badges.show(cell, run, state({ state: 'running' }));
    badges.show(cell, run, state({ state: 'done', seconds: 1.5 }));
    expect(cell.node.children.length).toBe(1);
    expect(text()).toContain('1.5 s');
    badges.remove(cell);
    expect(cell.node.children.length).toBe(0);
  });

  it('counts how long a cell runs', () => {
    const since = Date.now() - 65_000;
    badges.show(cell, run, state({ state: 'running', since }));
    expect(text()).toMatch(/1:0[56]/);
  });

  it('opens the execution', () => {
    badges.show(cell, run, state({}));
    buttons()[0].click();
    expect(asked).toEqual(['open 12']);
  });

  it('offers a result of older code once it is there', () => {
    badges.show(cell, run, state({ state: 'running', offered: true }));
    expect(buttons().length).toBe(1);
    badges.show(cell, run, state({ state: 'done', offered: true }));
    buttons()
      .slice(1)
      .forEach(button => button.click());
    expect(asked).toEqual(['show cell-1', 'insert cell-1', 'dismiss cell-1']);
  });

  it('says why a run cannot be followed', () => {
    run.onError('It is not yours.');
    badges.show(cell, run, state({}));
    const badge = cell.node.firstElementChild as HTMLElement;
    expect(badge.title).toBe('It is not yours.');
  });
});

describe('the outcome of a cell', () => {
  it('is no failure of the cell where a person stopped the run', () => {
    expect(outcome('failed', 'stopped')).toBe('stopped');
    expect(outcome('failed', 'error')).toBe('failed');
    expect(outcome('running', 'crashed')).toBe('stopped');
    expect(outcome('waiting', 'error')).toBe('skipped');
    expect(outcome('done', 'stopped')).toBe('done');
  });
});
