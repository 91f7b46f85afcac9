import type { ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';

import type { IOutputRecord } from '../master/types';
import type { Displays } from './displays';

type Content = Record<string, unknown>;

/** A widget lives in the kernel that made it, which this page cannot reach: its plain text is shown instead. */
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const WIDGET_NOTE =
  '[A widget needs a live kernel. The notebook that ran, in the execution’s tab, shows how it ended.]';

/**
 * Writes the remote outputs of one cell, as a local kernel's would be written: appended, cleared or updated in the cell's
 * own output model, never replaced as a whole. It is the cell's only writer while a run goes on.
 */
export class OutputWriter {
  private text: { name: string; text: string } | null = null;
  private clearing = false;

  constructor(
    readonly cell: ICodeCellModel,
    private readonly id: string,
    private readonly displays: Displays
  ) {}

  /**
   * The cell begins to run.
   *
   * What it showed goes when the first new output comes, so that a cell that is told again does not flicker. Only a run
   * that was submitted from this page makes its cells trusted: else a notebook from somebody else could name an execution
   * whose outputs then act in the reader's name.
   */
  begin(trusted: boolean): void {
    this.text = null;
    this.clear(true);
    this.cell.executionCount = null;
    this.cell.executionState = 'running';
    if (trusted) {
      this.cell.trusted = true;
    }
  }

  /** The cell ended, or will not go on. */
  end(count: number | null): void {
    this.flush();
    if (this.clearing) {
      this.clear(false);
    }
    this.cell.executionState = 'idle';
    this.cell.executionCount = count;
  }

  /** Take back everything: the attempt that wrote it was lost. */
  takeBack(): void {
    this.text = null;
    this.clear(false);
    this.cell.executionState = 'idle';
    this.cell.executionCount = null;
  }

  /** Take one output message; call `flush` at the end of a batch. */
  write(record: IOutputRecord): void {
    const content = record.content ?? omitted();
    if (record.message === 'stream') {
      this.stream(content);
      return;
    }
    this.flush();
    if (record.message === 'clear_output') {
      this.clear(content.wait === true);
    } else if (record.message === 'update_display_data') {
      this.update(content);
    } else {
      this.append(record.message, content);
    }
  }

  /** Write what was held back to join neighbouring pieces of a stream. */
  flush(): void {
    if (this.text) {
      const { name, text } = this.text;
      this.text = null;
      this.add({ output_type: 'stream', name, text });
    }
  }

  private clear(wait: boolean): void {
    this.clearing = wait;
    if (!wait) {
      this.displays.forget(this.id);
      this.cell.outputs.clear();
    }
  }

  private add(output: nbformat.IOutput): void {
    if (this.clearing) {
      this.clear(false);
    }
    this.cell.outputs.add(output);
  }

  private stream(content: Content): void {
    const name = String(content.name);
    const text = String(content.text);
    if (this.text && this.text.name === name) {
      this.text.text += text;
      return;
    }
    this.flush();
    this.text = { name, text };
  }

  private append(type: string, content: Content): void {
    this.add(asOutput(type, content));
    const id = displayId(content);
    if (id) {
      this.displays.add(id, this.id, this.cell.outputs.length - 1);
    }
  }

  private update(content: Content): void {
    for (const [model, index] of this.displays.of(displayId(content) ?? '')) {
      const known = model.outputs.get(index).toJSON();
      model.outputs.set(index, {
        ...known,
        ...asOutput(known.output_type, content)
      });
    }
  }
}

function asOutput(type: string, content: Content): nbformat.IOutput {
  const rest = { ...content };
  delete rest.transient;
  const data = rest.data as Record<string, unknown> | undefined;
  if (data && WIDGET in data) {
    rest.data = withoutWidget(data);
  }
  return { ...rest, output_type: type };
}

function withoutWidget(data: Record<string, unknown>): Record<string, unknown> {
  const left = { ...data };
  delete left[WIDGET];
  const plain = left['text/plain'];
  const text = typeof plain === 'string' ? [plain, WIDGET_NOTE] : [WIDGET_NOTE];
  return { ...left, 'text/plain': text.join('\n') };
}

function displayId(content: Content): string | null {
  const { transient } = content as { transient?: { display_id?: unknown } };
  const id = transient?.display_id;
  return typeof id === 'string' ? id : null;
}

function omitted(): Content {
  return {
    data: {
      'text/plain':
        '[This output is too large to be shown live. It is in the notebook that ran.]'
    },
    metadata: {}
  };
}
