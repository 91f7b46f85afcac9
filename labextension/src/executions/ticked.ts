import type { IExecution } from '../master/types';

/** The executions ticked to be compared, whatever the list shows meanwhile. */
export class Ticked {
  private readonly chosen = new Map<string, IExecution>();

  /** Their ids, the oldest first. */
  get ids(): string[] {
    return [...this.chosen.values()].sort(byAge).map(({ id }) => id);
  }

  has(id: string): boolean {
    return this.chosen.has(id);
  }

  set(execution: IExecution, on: boolean): void {
    if (on) {
      this.chosen.set(execution.id, execution);
    } else {
      this.chosen.delete(execution.id);
    }
  }

  clear(): void {
    this.chosen.clear();
  }
}

function byAge(one: IExecution, other: IExecution): number {
  const age = Date.parse(one.created_at) - Date.parse(other.created_at);
  return age || one.number - other.number;
}
