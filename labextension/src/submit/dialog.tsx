import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

import type { IChoices } from '../attach/metadata';
import type { Context } from '../master/types';
import type { ISelection } from '../tokens';
import { RunForm } from './form';
import { highlight } from './highlight';
import type { IPreview } from './preview';

interface IAnswer {
  choices: IChoices;
  context: Context;
}

/** The dialog's body, which knows the answer when the person accepts. */
class Body extends ReactWidget implements Dialog.IBodyWidget<IAnswer> {
  private values: ReadonlyJSONObject;

  constructor(
    private readonly preview: IPreview,
    private context: Context,
    private readonly panel: NotebookPanel,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('pj-RunDialog');
    this.values = preview.values;
    this.mark();
  }

  getValue(): IAnswer {
    return { choices: this.values, context: this.context };
  }

  dispose(): void {
    highlight(this.panel, []);
    super.dispose();
  }

  protected render(): JSX.Element {
    return (
      <RunForm
        preview={this.preview}
        context={this.context}
        trans={this.trans}
        onValues={(values, valid) => {
          this.values = values;
          this.allow(valid);
        }}
        onContext={context => {
          this.context = context;
          this.mark();
        }}
      />
    );
  }

  private allow(valid: boolean): void {
    const accept = this.node
      .closest('.jp-Dialog')
      ?.querySelector<HTMLButtonElement>('.jp-Dialog-footer .jp-mod-accept');
    if (accept) {
      accept.disabled = !valid;
    }
  }

  private mark(): void {
    const along = this.preview.along?.[this.context] ?? [];
    highlight(
      this.panel,
      along.map(cell => cell.id)
    );
  }
}

/** Ask where and with what to run; null when the person cancelled. */
export async function askHowToRun(
  panel: NotebookPanel,
  selection: ISelection,
  preview: IPreview,
  trans: TranslationBundle
): Promise<{ choices: IChoices; selection: ISelection } | null> {
  const dialog = new Dialog<IAnswer>({
    title: selection.cells
      ? trans._n(
          'Run %1 cell remotely',
          'Run %1 cells remotely',
          selection.cells.length
        )
      : trans.__('Run remotely'),
    body: new Body(preview, selection.context, panel, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Run') })
    ]
  });
  const { button, value } = await dialog.launch();
  return button.accept && value
    ? {
        choices: value.choices,
        selection: { ...selection, context: value.context }
      }
    : null;
}
