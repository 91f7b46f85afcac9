import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { RJSFSchema } from '@rjsf/utils';

import type { Context, IGroup } from '../master/types';

/** A cell that goes along, and the names it defines that are needed. */
export interface IIncluded {
  id: string;
  provides: string[];
}

/** What the server says before anything is sent. */
export interface IPreview {
  /** The form's fields and its first values. */
  schema: RJSFSchema;
  values: ReadonlyJSONObject;
  groups: IGroup[];
  /** The cells that would run, in order, for each choice of what goes along; null for a whole notebook. */
  along: Record<Context, IIncluded[]> | null;
  /** Things to know: an upgraded notebook, a cell that could not be analysed. */
  notes: string[];
  snapshot: {
    size: number;
    files: number;
    biggest: { path: string; size: number }[];
    ignored: string[];
  };
}
