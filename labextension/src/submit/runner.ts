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
}

/** Submits the notebook as it stands in the editor, saved or not. */
export class Runner implements IRunner {
  constructor(
    private readonly master: IMaster,
    private readonly attachments: IAttachments,
    private readonly askPerson: Ask,
    private readonly defaults: () => IChoices = () => ({})
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
        choices: choices(model) ?? this.defaults()
      })
    );
    const answer = preview && (await this.askPerson(panel, selection, preview));
    return answer ? this.submit(panel, answer.selection, answer.choices) : null;
  }

  async submit(
    panel: NotebookPanel,
    selection: ISelection,
    chosen: IChoices
  ): Promise<IExecution | null> {
    return this.sending(panel, async model => {
      const { execution, cells } = await this.master.requests.post<ISubmitted>(
        'submit',
        { ...document(panel, selection), choices: chosen }
      );
      rememberChoices(model, chosen);
      this.attachments.attach(model, execution, cells);
      // So that the run is found again even if the page is closed now.
      void save(panel.context);
      return execution;
    });
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

function document(panel: NotebookPanel, selection: ISelection) {
  return {
    path: panel.context.localPath,
    content: panel.content.model?.toJSON(),
    ...selection
  };
}
