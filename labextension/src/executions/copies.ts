import { PathExt } from '@jupyterlab/coreutils';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { Contents } from '@jupyterlab/services';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IExecution, IOutputFile } from '../master/types';
import type { Which } from './actions';

const ROOT = 'perijove';
/** Bytes up to which a file is copied into the server to be opened. */
const LIMIT = 64e6;

/** Copies what an execution kept into the server's folder, where JupyterLab can open it. */
export class Copies {
  constructor(
    private readonly requests: Pick<Requests, 'blob' | 'post'>,
    private readonly contents: Contents.IManager
  ) {}

  /**
   * Copy the notebook that ran; return the copy's path.
   *
   * @param own - whether the person ran it: then it is trusted as if it had run here, and shows its widgets.
   */
  async notebook(
    execution: IExecution,
    which: Which,
    own = false
  ): Promise<string> {
    const blob = await this.requests.blob(
      executionPath(execution.id, `notebook?which=${which}`)
    );
    const suffix = which === 'submitted' ? '-submitted' : '';
    const path = `${folderOf(execution)}${suffix}.ipynb`;
    const content = JSON.parse(await blob.text()) as INotebookContent;
    await this.save(path, {
      type: 'notebook',
      format: 'json',
      content: own ? trusted(content) : content
    });
    return path;
  }

  /** Let the server copy the folder that ran, unless it is there already; return the copy's path. */
  async folder({ id }: IExecution): Promise<string> {
    const copied = await this.requests.post<{ path: string }>('ran', {
      execution: id
    });
    return copied.path;
  }

  /** Copy an output file; return the copy's path. */
  async output(execution: IExecution, file: IOutputFile): Promise<string> {
    if (file.size > LIMIT) {
      throw new Error(`${file.name} is too large to be opened: download it.`);
    }
    const name = file.name.split('/').map(encodeURIComponent).join('/');
    const blob = await this.requests.blob(
      executionPath(execution.id, `outputs/${name}`)
    );
    const path = `${folderOf(execution)}/outputs/${file.name}`;
    await this.save(path, {
      type: 'file',
      format: 'base64',
      content: base64(new Uint8Array(await blob.arrayBuffer()))
    });
    return path;
  }

  private async save(
    path: string,
    model: Partial<Contents.IModel>
  ): Promise<void> {
    await this.makeFolder(PathExt.dirname(path));
    await this.contents.save(path, model);
  }

  private async makeFolder(path: string): Promise<void> {
    // The outermost one keeps copies out of later runs, by a hidden file that a page may not write.
    await this.requests.post('copies');
    const parts = path.split('/');
    for (let i = 1; i <= parts.length; i++) {
      await this.contents.save(parts.slice(0, i).join('/'), {
        type: 'directory'
      });
    }
  }
}

/** The server signs a notebook all of whose cells say that they are trusted. */
function trusted(content: INotebookContent): INotebookContent {
  return {
    ...content,
    cells: content.cells.map(cell => ({
      ...cell,
      metadata: { ...cell.metadata, trusted: true }
    }))
  };
}

/** An execution's place: numbers count within a project. */
function folderOf({ project_name, number }: IExecution): string {
  return `${ROOT}/${project_name}/${number}`;
}

function base64(data: Uint8Array): string {
  let text = '';
  const step = 0x8000; // more arguments than this overflow the stack
  for (let i = 0; i < data.length; i += step) {
    text += String.fromCharCode(...data.subarray(i, i + step));
  }
  return btoa(text);
}
