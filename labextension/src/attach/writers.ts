import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';

import type { Displays } from './displays';
import type { LargeOutputs } from './large';
import type { Hold } from './measuring';
import { OutputWriter } from './outputs';
import type { Targets } from './targets';

/** JupyterLab's own mark of a change that its cell models have made already, and need not be told of. */
const KNOWN = 'silent-change';

/** The writers of the cells that a run is writing. */
export class Writers {
  private readonly writers = new Map<string, OutputWriter>();

  constructor(
    private readonly notebook: INotebookModel,
    private readonly targets: Targets,
    private readonly displays: Displays,
    private readonly large: LargeOutputs,
    private readonly hold: Hold
  ) {}

  /** The writer of a cell; a new one where the cell's model was replaced, as when it is moved; null where it is gone. */
  of(cell: string): OutputWriter | null {
    const known = this.writers.get(cell);
    if (known && !(known.cell as ICodeCellModel & IDisposable).isDisposed) {
      return known;
    }
    const target = this.targets.of(cell);
    if (!target) {
      return null;
    }
    const writer = new OutputWriter(target, cell, this.displays, this.large);
    this.writers.set(cell, writer);
    return writer;
  }

  drop(cell: string): void {
    this.writers.delete(cell);
  }

  clear(): void {
    this.writers.clear();
  }

  /**
   * Write all that is held back, as one change of the document: each change of a shared document is a message to
   * everybody who has it open.
   */
  flush(): void {
    this.notebook.sharedModel.transact(
      () => this.writers.forEach(writer => this.write(writer)),
      false,
      KNOWN
    );
  }

  private write(writer: OutputWriter): void {
    if (writer.isEmpty) {
      return;
    }
    const release = this.hold(writer.cell);
    try {
      writer.flush();
    } finally {
      release();
    }
  }
}
