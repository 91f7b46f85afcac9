import type { ICodeCellModel } from '@jupyterlab/cells';

interface IPlace {
  cell: string;
  index: number;
}

/** Where the outputs with display ids of a run are, in whichever cell: a later cell may update an earlier one's. */
export class Displays {
  private readonly places = new Map<string, IPlace[]>();

  constructor(
    private readonly target: (cell: string) => ICodeCellModel | null
  ) {}

  add(id: string, cell: string, index: number): void {
    this.places.set(id, [...(this.places.get(id) ?? []), { cell, index }]);
  }

  /** Forget a cell's outputs: they were cleared. */
  forget(cell: string): void {
    for (const [id, places] of this.places) {
      this.places.set(
        id,
        places.filter(place => place.cell !== cell)
      );
    }
  }

  /** The output models and indices that show a display id now. */
  *of(id: string): Iterable<[ICodeCellModel, number]> {
    for (const { cell, index } of this.places.get(id) ?? []) {
      const model = this.target(cell);
      if (model && index < model.outputs.length) {
        yield [model, index];
      }
    }
  }

  /** What to remember of a cell that ended, or undefined where there is nothing. */
  saved(cell: string): Record<string, number[]> | undefined {
    const found: Record<string, number[]> = {};
    for (const [id, places] of this.places) {
      const own = places.filter(place => place.cell === cell);
      if (own.length > 0) {
        found[id] = own.map(place => place.index);
      }
    }
    return Object.keys(found).length > 0 ? found : undefined;
  }

  restore(cell: string, saved: Record<string, number[]>): void {
    for (const [id, indices] of Object.entries(saved)) {
      indices.forEach(index => this.add(id, cell, index));
    }
  }
}
