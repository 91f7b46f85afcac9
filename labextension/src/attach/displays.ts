import type { ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';

import { asOutput, displayId, type Content } from './content';

interface IPlace {
  index: number;
  /** The number of the record that it shows. */
  n: number;
}

/**
 * Where the outputs with display ids of a run are, in whichever cell: a later cell may update an earlier one's.
 *
 * A record whose content comes late, because it is large, shows what it would show had it come in its turn: what later
 * records said is not written over, and what they said of a display that was not known yet is told to it then.
 */
export class Displays {
  /** For each cell the places of its outputs, by display id. */
  private readonly cells = new Map<string, Map<string, IPlace[]>>();
  /** The latest update of each display, while a content is still to come. */
  private readonly updates = new Map<string, { content: Content; n: number }>();
  private late = 0;

  constructor(
    private readonly target: (cell: string) => ICodeCellModel | null
  ) {}

  /** A cell shows a display, as record `n` told. */
  add(id: string, cell: string, index: number, n = 0): void {
    const own = this.cells.get(cell) ?? new Map<string, IPlace[]>();
    this.cells.set(cell, own);
    const places = own.get(id) ?? [];
    own.set(id, places);
    places.push({ index, n });
  }

  /** Record `n` changes a display: show that wherever something older is shown. */
  update(content: Content, n: number): void {
    const id = displayId(content);
    if (id === null) {
      return;
    }
    if (this.late > 0) {
      this.updates.set(id, { content, n });
    }
    for (const { model, place } of this.of(id)) {
      if (place.n < n) {
        place.n = n;
        const known = model.outputs.get(place.index).toJSON();
        model.outputs.set(place.index, {
          ...known,
          ...asOutput(known.output_type, content)
        });
      }
    }
  }

  /** A content will come late. */
  expect(): void {
    this.late++;
  }

  /** A content that was expected has come, or will not. */
  settle(): void {
    this.late--;
    if (this.late === 0) {
      this.updates.clear();
    }
  }

  /** Put an output in the place of what stood in for it; its own display id counts from here on. */
  replace(standIn: string, output: nbformat.IOutput, id: string | null): void {
    for (const { cell, model, place } of [...this.of(standIn)]) {
      this.cells.get(cell)?.delete(standIn);
      model.outputs.set(place.index, output);
      if (id) {
        this.add(id, cell, place.index, place.n);
      }
    }
    const update = id === null ? undefined : this.updates.get(id);
    if (update) {
      this.update(update.content, update.n);
    }
  }

  /** Forget a cell's outputs: they were cleared. */
  forget(cell: string): void {
    this.cells.delete(cell);
  }

  /** All display ids. */
  ids(): string[] {
    return [...this.cells.values()].flatMap(own => [...own.keys()]);
  }

  /** What to remember of a cell, or undefined where there is nothing. */
  saved(cell: string): Record<string, number[]> | undefined {
    const own = [...(this.cells.get(cell) ?? [])];
    return own.length > 0
      ? Object.fromEntries(
          own.map(([id, places]) => [id, places.map(({ index }) => index)])
        )
      : undefined;
  }

  restore(cell: string, saved: Record<string, number[]>): void {
    this.forget(cell);
    for (const [id, indices] of Object.entries(saved)) {
      indices.forEach(index => this.add(id, cell, index));
    }
  }

  private *of(
    id: string
  ): Iterable<{ cell: string; model: ICodeCellModel; place: IPlace }> {
    for (const [cell, own] of this.cells) {
      const places = own.get(id);
      const model = places && this.target(cell);
      for (const place of (model && places) ?? []) {
        if (model && place.index < model.outputs.length) {
          yield { cell, model, place };
        }
      }
    }
  }
}
