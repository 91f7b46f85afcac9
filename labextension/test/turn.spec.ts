import type { INotebookModel } from '@jupyterlab/notebook';
import { Awareness } from 'y-protocols/awareness';
import { Doc } from 'yjs';

import { Turn } from '../src/attach/turn';

/** A page that shares a notebook, and what it knows of the others'. */
class Page {
  readonly awareness = new Awareness(new Doc());
  readonly turn = new Turn({
    collaborative: true,
    sharedModel: { awareness: this.awareness }
  } as unknown as INotebookModel);

  get id(): number {
    return this.awareness.clientID;
  }

  /** Learn that another page is here, or is no more. */
  learn(client: number, here: boolean): void {
    const { states } = this.awareness;
    if (here) {
      states.set(client, { perijove: true });
    } else {
      states.delete(client);
    }
    this.awareness.emit('change', [{}, 'remote']);
  }

  close(): void {
    this.turn.dispose();
    this.awareness.destroy();
  }
}

describe('Whose turn it is to write', () => {
  let page: Page;
  const other = 1; // the lowest of all numbers, were it able to write

  beforeEach(() => {
    jest.useFakeTimers();
    page = new Page();
  });

  afterEach(() => {
    page.close();
    jest.useRealTimers();
  });

  it('is this page’s for its own runs', () => {
    expect(page.turn.isMine(page.id)).toBe(true);
  });

  it('leaves the run to a writer whose awareness state has not arrived yet', () => {
    jest.advanceTimersByTime(60_000); // however long the notebook has been open
    expect(page.turn.isMine(other)).toBe(false);
    jest.advanceTimersByTime(1_000);
    page.learn(other, true);
    jest.advanceTimersByTime(60_000);
    expect(page.turn.isMine(other)).toBe(false);
  });

  it('comes at once when a writer leaves that was here', () => {
    page.learn(other, true);
    expect(page.turn.isMine(other)).toBe(false);
    page.learn(other, false);
    expect(page.turn.isMine(other)).toBe(true);
  });

  it('comes when a writer does not come', () => {
    const changed = jest.fn();
    page.turn.changed.connect(changed);
    expect(page.turn.isMine(other)).toBe(false);
    jest.advanceTimersByTime(10_000);
    expect(changed).toHaveBeenCalled();
    expect(page.turn.isMine(other)).toBe(true);
  });

  it('is the page’s with the lowest number where several could', () => {
    page.learn(2, true);
    page.learn(other, true);
    page.learn(other, false);
    expect(page.turn.isMine(other)).toBe(false);
    page.learn(2, false);
    expect(page.turn.isMine(other)).toBe(true);
  });
});
