import type { IExecution, IOutputFile } from '../master/types';

/** Which of an execution's notebooks. */
export type Which = 'executed' | 'submitted';

/** What a person can do with an execution; each tells its own failures. */
export interface IActions {
  stop(execution: IExecution): void;
  rerun(execution: IExecution): void;
  openNotebook(execution: IExecution, which: Which): void;
  openOutput(execution: IExecution, file: IOutputFile): void;
  openDetail(id: string): void;
}
