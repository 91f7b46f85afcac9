import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { Attachment } from './attach/attachment';
import type { IChoices } from './attach/metadata';
import type { IActions } from './executions/actions';
import type { ExecutionList } from './executions/list';
import type { Feed } from './master/feed';
import type { Requests } from './master/requests';
import type { Context, IExecution } from './master/types';

/** The way to the master, through the Jupyter server. */
export interface IMaster {
  readonly requests: Requests;
  readonly feed: Feed;
}

export const IMaster = new Token<IMaster>(
  '@perijove/labextension:IMaster',
  'Requests to the Perijove service, and the feed of what executions tell.'
);

/** The remote runs that are shown in open notebooks. */
export interface IAttachments {
  /** A notebook's runs changed: one was attached, or told something. */
  readonly changed: ISignal<IAttachments, INotebookModel>;
  /** A run of a notebook was told to its end: everything is in the document. */
  readonly completed: ISignal<IAttachments, INotebookModel>;
  of(model: INotebookModel): readonly Attachment[];
  /** The latest run that a cell took part in, or null. */
  ofCell(model: INotebookModel, cell: string): Attachment | null;
  /** Show an execution's outputs in these cells from now on. */
  attach(model: INotebookModel, execution: IExecution, cells: string[]): void;
  /** A cell is about to run in a local kernel: what a remote run still brings for it is offered, not written. */
  yield(model: INotebookModel, cell: string): void;
  /** Whether a notebook is on its way to the master. */
  isSending(model: INotebookModel): boolean;
  setSending(model: INotebookModel, sending: boolean): void;
}

export const IAttachments = new Token<IAttachments>(
  '@perijove/labextension:IAttachments',
  'The remote runs whose outputs open notebooks show.'
);

/** What is to run: the whole notebook (`cells` null), or chosen cells with what goes along. */
export interface ISelection {
  cells: string[] | null;
  context: Context;
}

/** Submits notebooks. */
export interface IRunner {
  /** Run with the notebook's last choices; ask first where there are none. Null when the person cancelled. */
  run(panel: NotebookPanel, selection: ISelection): Promise<IExecution | null>;
  /** Ask, then run. */
  ask(panel: NotebookPanel, selection: ISelection): Promise<IExecution | null>;
  submit(
    panel: NotebookPanel,
    selection: ISelection,
    choices: IChoices
  ): Promise<IExecution | null>;
}

export const IRunner = new Token<IRunner>(
  '@perijove/labextension:IRunner',
  'Submits notebooks and cells as remote executions.'
);

/** Shows executions, each in a tab of its own or some beside each other. */
export interface IExecutions {
  readonly list: ExecutionList;
  readonly actions: IActions;
  /** The name of who looks; null while it is not known. */
  readonly user: string | null;
  /** Ask again who looks: the connection is another one. */
  meet(): Promise<void>;
  open(id: string): void;
  compare(ids: string[]): void;
}

export const IExecutions = new Token<IExecutions>(
  '@perijove/labextension:IExecutions',
  'Lists executions, shows them, and does what can be done with them.'
);
