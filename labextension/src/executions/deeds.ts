import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IExecution, IGroup, IOutputFile, IPage } from '../master/types';
import { explain } from '../submit/explain';
import type { IActions, Which } from './actions';
import { Copies } from './copies';
import { declared, type INotebookDocument } from './declared';
import { askForChanges } from './rerun';

/** Where an action shows its result. */
export interface IPlaces {
  openDetail(id: string): void;
  /** Whether the person who looks ran it. */
  isOwn(execution: IExecution): boolean;
  openFile(path: string): Promise<unknown>;
  openFolder(path: string): Promise<unknown>;
  /** Say that something takes a while; the result takes it back. */
  say(words: string): () => void;
  /** An execution was made or changed. */
  changed(execution: IExecution): void;
}

/** What the buttons of an execution do. */
export class Deeds implements IActions {
  private readonly copies: Copies;

  constructor(
    private readonly requests: Requests,
    contents: Contents.IManager,
    private readonly places: IPlaces,
    private readonly trans: TranslationBundle
  ) {
    this.copies = new Copies(requests, contents);
  }

  stop(execution: IExecution): void {
    this.attempt(async () => {
      const stopped = await this.requests.post<IExecution>(
        executionPath(execution.id, 'stop')
      );
      this.places.changed(stopped);
    });
  }

  rerun(execution: IExecution): void {
    this.attempt(async () => {
      const groups = await this.requests.get<IPage<IGroup>>('master/groups');
      const changes = await askForChanges(
        execution,
        groups.items,
        await this.declared(execution),
        this.trans
      );
      if (changes) {
        const copy = await this.requests.post<IExecution>(
          executionPath(execution.id, 'copy'),
          changes
        );
        this.places.changed(copy);
        this.places.openDetail(copy.id);
      }
    });
  }

  openNotebook(execution: IExecution, which: Which): void {
    this.attempt(async () =>
      this.places.openFile(
        await this.copies.notebook(
          execution,
          which,
          this.places.isOwn(execution)
        )
      )
    );
  }

  openFolder(execution: IExecution): void {
    this.attempt(async () => {
      const done = this.places.say(
        this.trans.__('Copying the folder that #%1 ran in…', execution.number)
      );
      try {
        await this.places.openFolder(await this.copies.folder(execution));
      } finally {
        done();
      }
    });
  }

  openOutput(execution: IExecution, file: IOutputFile): void {
    this.attempt(async () =>
      this.places.openFile(await this.copies.output(execution, file))
    );
  }

  openDetail(id: string): void {
    this.places.openDetail(id);
  }

  private async declared({
    id,
    spec
  }: IExecution): Promise<Map<string, unknown>> {
    if (!spec.notebook) {
      return new Map();
    }
    const path = executionPath(id, 'notebook?which=submitted');
    return declared(await this.requests.get<INotebookDocument>(path));
  }

  private attempt(action: () => Promise<unknown>): void {
    action().catch(explain);
  }
}
