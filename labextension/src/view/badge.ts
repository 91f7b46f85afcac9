import type { Cell } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Attachment } from '../attach/attachment';
import type { ICellState } from '../attach/cells';
import { duration } from './duration';

const CLASS = 'pj-Badge';

/** What a person may do at a cell's badge. */
export interface IBadgeActions {
  open(run: Attachment): void;
  show(run: Attachment, cell: string): void;
  insert(run: Attachment, cell: string): void;
  dismiss(run: Attachment, cell: string): void;
}

/** Draws a line below a cell's code: which execution ran it, where it stands, how long it took, and what is offered. */
export class Badges {
  constructor(
    private readonly actions: IBadgeActions,
    private readonly trans: TranslationBundle
  ) {}

  show(cell: Cell, run: Attachment, state: ICellState): void {
    const badge = existing(cell) ?? create(cell);
    place(badge, cell);
    const words = describe(state.state, this.trans);
    const key = `${run.entry.execution} ${state.state} ${state.offered}`;
    if (badge.dataset.key !== key) {
      badge.dataset.key = key;
      badge.dataset.state = state.state;
      badge.replaceChildren(...this.parts(cell.model.id, run, state, words));
    }
    const time = badge.querySelector(`.${CLASS}-time`);
    const length = elapsed(state);
    if (time && time.textContent !== length) {
      time.textContent = length;
    }
    const title = run.problem ?? run.execution?.sentence ?? '';
    if (badge.title !== title) {
      badge.title = title;
    }
  }

  remove(cell: Cell): void {
    existing(cell)?.remove();
  }

  private parts(
    cell: string,
    run: Attachment,
    { state, offered }: ICellState,
    words: string
  ): HTMLElement[] {
    const { trans, actions } = this;
    const number = button(`#${run.entry.number}`, () => actions.open(run));
    number.classList.add(`${CLASS}-number`);
    number.title = trans.__('Open execution %1', run.entry.number);
    const parts = [
      number,
      span(`${CLASS}-state`, words),
      span(`${CLASS}-time`, '')
    ];
    if (offered && state !== 'running') {
      parts.push(
        span(
          `${CLASS}-offer`,
          trans.__('The code has changed since it was sent.')
        ),
        button(trans.__('Show result'), () => actions.show(run, cell)),
        button(trans.__('Insert'), () => actions.insert(run, cell)),
        button(trans.__('Dismiss'), () => actions.dismiss(run, cell))
      );
    }
    return parts;
  }
}

function elapsed(state: ICellState): string {
  if (state.seconds !== null) {
    return duration(state.seconds);
  }
  if (state.state === 'running' && state.since !== null) {
    return duration(Math.max(0, Date.now() - state.since) / 1000);
  }
  return '';
}

function describe(
  state: ICellState['state'],
  trans: TranslationBundle
): string {
  switch (state) {
    case 'waiting':
      return trans.__('waiting');
    case 'running':
      return trans.__('running');
    case 'done':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    case 'stopped':
      return trans.__('stopped');
    case 'skipped':
      return trans.__('not run');
  }
}

function existing(cell: Cell): HTMLElement | null {
  return cell.node.querySelector<HTMLElement>(`:scope > .${CLASS}`);
}

function create(cell: Cell): HTMLElement {
  const badge = document.createElement('div');
  badge.className = CLASS;
  badge.setAttribute('role', 'group');
  badge.setAttribute('aria-label', 'Perijove');
  cell.node.append(badge);
  return badge;
}

/** Keep the badge between code and outputs: a cell that comes into sight gets its parts later than its badge. */
function place(badge: HTMLElement, cell: Cell): void {
  const input = cell.node.querySelector(':scope > .jp-Cell-inputWrapper');
  if (input && input.nextElementSibling !== badge) {
    input.after(badge);
  }
}

function span(name: string, text: string): HTMLElement {
  const made = document.createElement('span');
  made.className = name;
  made.textContent = text;
  return made;
}

function button(text: string, onClick: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = `${CLASS}-button`;
  made.textContent = text;
  // The notebook would take the press for one on the cell, and select it.
  made.addEventListener('mousedown', event => event.stopPropagation());
  made.addEventListener('click', event => {
    event.stopPropagation();
    onClick();
  });
  return made;
}
