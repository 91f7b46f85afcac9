import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feed } from '../master/feed';
import { wordsOf, type Requests } from '../master/requests';
import type { IExecution, IPage } from '../master/types';
import { matches, type IFilter } from './filter';
import { address, key, type IViewpoint } from './query';
import { LiveRows } from './rows';
import { Ticked } from './ticked';

/** A look goes on until this many were found, or so many pages were read. */
const ENOUGH = 30;
const PAGES = 4;
/** How many milliseconds somebody who types is waited for. */
const TYPING = 250;

/** The executions the sidebar shows: newest first, each kept up to date while it lives. */
export class ExecutionList implements IDisposable {
  private items: IExecution[] = [];
  private next: string | null = null;
  private turn = 0;
  private looked = false;
  private readonly heard = new Set<string>();
  private readonly live: LiveRows;
  private readonly ticked = new Ticked();
  private typing: number | null = null;
  private asked = '';
  private readonly changedSignal = new Signal<this, void>(this);
  filter: IFilter = { scope: 'mine', standing: '', search: '' };
  problem: string | null = null;
  loading = false;
  isDisposed = false;

  constructor(
    private readonly requests: Pick<Requests, 'get'>,
    feed: Pick<Feed, 'watch'>,
    private readonly viewpoint: IViewpoint
  ) {
    this.live = new LiveRows(feed, execution => this.update(execution));
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** What is listed, after the filter. */
  get executions(): IExecution[] {
    const path = this.viewpoint.path();
    return this.items.filter(item => matches(item, this.filter, path));
  }

  get hasMore(): boolean {
    return this.next !== null;
  }

  /** The ids of the executions ticked to be compared, the oldest first. */
  get selected(): string[] {
    return this.ticked.ids;
  }

  isSelected(id: string): boolean {
    return this.ticked.has(id);
  }

  select(execution: IExecution, on: boolean): void {
    this.ticked.set(execution, on);
    this.changedSignal.emit();
  }

  clearSelection(): void {
    this.ticked.clear();
    this.changedSignal.emit();
  }

  /** Look for something else; what is on this page shows at once, the rest is asked for. */
  setFilter(filter: Partial<IFilter>): void {
    const typed = filter.search !== undefined;
    this.filter = { ...this.filter, ...filter };
    if (key(this.filter, this.viewpoint) === this.asked) {
      this.changedSignal.emit();
      void this.fill();
    } else if (typed) {
      this.loading = true;
      this.changedSignal.emit();
      this.wait();
    } else {
      void this.refresh();
    }
  }

  /** Look again from the newest. */
  async refresh(): Promise<void> {
    this.looked = true;
    this.stopWaiting();
    this.asked = key(this.filter, this.viewpoint);
    await this.load(true, PAGES);
  }

  /** Look further back. */
  async more(): Promise<void> {
    await this.load(false, PAGES, this.executions.length);
  }

  /** The current notebook is another one. */
  moved(): void {
    if (this.filter.scope === 'notebook') {
      this.setFilter({});
    }
  }

  /** Take in an execution's state, known from elsewhere; one that is new here makes the list look again, once. */
  hear(execution: IExecution): void {
    const { id } = execution;
    if (this.items.some(item => item.id === id)) {
      this.update(execution);
    } else if (this.looked && !this.heard.has(id)) {
      this.heard.add(id);
      void this.refresh();
    }
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.stopWaiting();
      this.live.dispose();
      Signal.clearData(this);
    }
  }

  private update(execution: IExecution): void {
    const index = this.items.findIndex(item => item.id === execution.id);
    if (index >= 0) {
      this.items = this.items.with(index, execution);
      this.follow();
    }
  }

  /** Ask once the person has stopped typing. */
  private wait(): void {
    this.stopWaiting();
    this.typing = window.setTimeout(() => void this.refresh(), TYPING);
  }

  private stopWaiting(): void {
    if (this.typing !== null) {
      window.clearTimeout(this.typing);
      this.typing = null;
    }
  }

  private async fill(): Promise<void> {
    if (this.hasMore && this.executions.length < ENOUGH) {
      await this.load(false, PAGES);
    }
  }

  private async load(anew: boolean, pages: number, known = 0): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    this.changedSignal.emit();
    try {
      for (let page = 0; page < pages; page++) {
        const answer = await this.page(anew && page === 0 ? null : this.next);
        if (turn !== this.turn) {
          return; // A newer look is under way: its answer counts.
        }
        this.take(answer, anew && page === 0);
        if (!this.hasMore || this.executions.length - known >= ENOUGH) {
          break;
        }
      }
      this.problem = null;
    } catch (error) {
      if (turn === this.turn) {
        this.problem = wordsOf(error as Error);
      }
    } finally {
      if (turn === this.turn) {
        this.loading = false;
        this.follow();
      }
    }
  }

  private take(page: IPage<IExecution>, anew: boolean): void {
    this.items = anew ? page.items : [...this.items, ...page.items];
    this.next = page.next;
    this.follow();
  }

  private follow(): void {
    this.live.follow(this.executions);
    this.changedSignal.emit();
  }

  private page(cursor: string | null): Promise<IPage<IExecution>> {
    return this.requests.get(address(this.filter, this.viewpoint, cursor));
  }
}
