import type { IExecution, IOutputFile } from '../master/types';

/** Which of an execution's notebooks. */
export type Which = 'executed' | 'submitted';

/** What a person can do with an execution; each tells its own failures. */
export interface IActions {
  stop(execution: IExecution): void;
  rerun(execution: IExecution): void;
  openNotebook(execution: IExecution, which: Which): void;
  /** Copy the folder that ran into the server's own, and show it in the file browser. */
  openFolder(execution: IExecution): void;
  openOutput(execution: IExecution, file: IOutputFile): void;
  openDetail(id: string): void;
}
