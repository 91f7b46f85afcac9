import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';

import { choices, rememberChoices, type IChoices } from '../attach/metadata';
import type { IExecution } from '../master/types';
import type { IAttachments, IMaster, IRunner, ISelection } from '../tokens';
import type { IPreview } from './preview';
import { save } from './save';

/** Asks the person; null when they cancelled. */
export type Ask = (
  panel: NotebookPanel,
  selection: ISelection,
  preview: IPreview
) => Promise<{ choices: IChoices; selection: ISelection } | null>;

interface ISubmitted {
  execution: IExecution;
  /** The ids of the cells that run, in order. */
  cells: string[];
  /** What the person should know of how it was understood. */
  notes: string[];
}

/** What the runner needs of the person. */
export interface IPerson {
  ask: Ask;
  /** Tell them something about a notebook that was sent. */
  tell: (note: string) => void;
  /** What a notebook's first dialog begins with. */
  defaults: () => IChoices;
}

/** Submits the notebook as it stands in the editor, saved or not. */
export class Runner implements IRunner {
  /** What a person has been told of a notebook: a note does not come again with every click. */
  private readonly told = new WeakMap<INotebookModel, Set<string>>();

  constructor(
    private readonly master: IMaster,
    private readonly attachments: IAttachments,
    private readonly person: IPerson
  ) {}

  async run(
    panel: NotebookPanel,
    selection: ISelection
  ): Promise<IExecution | null> {
    const model = panel.content.model;
    const last = model ? choices(model) : null;
    return last
      ? this.submit(panel, selection, last)
      : this.ask(panel, selection);
  }

  async ask(
    panel: NotebookPanel,
    selection: ISelection
  ): Promise<IExecution | null> {
    const preview = await this.sending(panel, model =>
      this.master.requests.post<IPreview>('preview', {
        ...document(panel, selection),
        choices: choices(model) ?? this.person.defaults()
      })
    );
    const answer =
      preview && (await this.person.ask(panel, selection, preview));
    const model = panel.content.model;
    if (answer && model) {
      this.news(model, preview.notes); // The dialog has shown them.
    }
    return answer ? this.submit(panel, answer.selection, answer.choices) : null;
  }

  async submit(
    panel: NotebookPanel,
    selection: ISelection,
    chosen: IChoices
  ): Promise<IExecution | null> {
    return this.sending(panel, async model => {
      const expecting = this.master.feed.expect();
      try {
        return await this.send(panel, model, selection, chosen);
      } finally {
        expecting.dispose();
      }
    });
  }

  private async send(
    panel: NotebookPanel,
    model: INotebookModel,
    selection: ISelection,
    chosen: IChoices
  ): Promise<IExecution> {
    const { execution, cells, notes } =
      await this.master.requests.post<ISubmitted>('submit', {
        ...document(panel, selection),
        choices: chosen
      });
    rememberChoices(model, chosen);
    this.attachments.attach(model, execution, cells);
    this.news(model, notes).forEach(note => this.person.tell(note));
    // So that the run is found again even if the page is closed now.
    void save(panel.context);
    return execution;
  }

  /** Those of the notes that are new for a notebook's person. */
  private news(model: INotebookModel, notes: string[]): string[] {
    const told = this.told.get(model) ?? new Set();
    const fresh = [...new Set(notes)].filter(note => !told.has(note));
    this.told.set(model, new Set([...told, ...fresh]));
    return fresh;
  }

  /** Do one thing at a time for a notebook: null for an impatient second click. */
  private async sending<T>(
    panel: NotebookPanel,
    act: (model: INotebookModel) => Promise<T>
  ): Promise<T | null> {
    const model = panel.content.model;
    if (!model || this.attachments.isSending(model)) {
      return null;
    }
    this.attachments.setSending(model, true);
    try {
      return await act(model);
    } finally {
      this.attachments.setSending(model, false);
    }
  }
}

/** The path is as JupyterLab names it, with its drive: only the server knows which drives show its own files. */
function document(panel: NotebookPanel, selection: ISelection) {
  return {
    path: panel.context.path,
    content: panel.content.model?.toJSON(),
    ...selection
  };
}
