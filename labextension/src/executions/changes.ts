import type { JSONObject, ReadonlyJSONObject } from '@lumino/coreutils';

import type { IExecution, IGroup, ISpec } from '../master/types';

/** What a person may change of an execution before it runs again. */
export interface IChanges {
  title?: string;
  group?: string;
  parameters?: Record<string, unknown>;
}

/** A worker group to choose, and what it isolates. */
export type Choice = Pick<IGroup, 'name' | 'isolation'>;

/** A form for running an execution again: its parameters by their types, its title and its group. */
export function formOf(
  { spec }: Pick<IExecution, 'spec'>,
  groups: readonly Choice[],
  declared: ReadonlyMap<string, unknown>
): { schema: JSONObject; values: JSONObject } {
  const parameters = offered(spec, declared);
  const fields = Object.entries(parameters).map(([name, value]) => [
    name,
    { type: typeOf(value), title: name }
  ]);
  const properties: JSONObject = {
    title: { type: 'string', title: 'Title' },
    group: {
      type: 'string',
      title: 'Worker group',
      oneOf: groups.map(({ name, isolation }) => ({
        const: name,
        title: `${name} (${isolation})`
      }))
    }
  };
  if (fields.length > 0) {
    properties.parameters = {
      type: 'object',
      title: 'Parameters',
      properties: Object.fromEntries(fields) as JSONObject
    };
  }
  const shown = Object.entries(parameters).map(([name, value]) => [
    name,
    isPlain(value) ? value : JSON.stringify(value)
  ]);
  return {
    schema: { type: 'object', properties },
    values: {
      title: spec.title ?? '',
      group: spec.group,
      parameters: Object.fromEntries(shown) as JSONObject
    }
  };
}

/** What differs from the original, as the body of a copy. Text of a parameter that was no text is read as JSON. */
export function changesOf(
  { spec }: Pick<IExecution, 'spec'>,
  values: ReadonlyJSONObject,
  declared: ReadonlyMap<string, unknown>
): IChanges {
  const changes: IChanges = {};
  const title = (values.title as string | undefined) ?? '';
  if (title !== (spec.title ?? '')) {
    changes.title = title;
  }
  if (values.group !== spec.group) {
    changes.group = values.group as string;
  }
  const given = (values.parameters ?? {}) as Record<string, unknown>;
  const parameters = Object.entries(offered(spec, declared))
    .map(([name, old]) => [name, old, read(given[name], old)] as const)
    .filter(([, old, value]) => JSON.stringify(value) !== JSON.stringify(old));
  if (parameters.length > 0) {
    changes.parameters = Object.fromEntries(
      parameters.map(([name, , value]) => [name, value])
    );
  }
  return changes;
}

/** What was given, then what the notebook declares beside it. */
function offered(
  { parameters }: ISpec,
  declared: ReadonlyMap<string, unknown>
): Record<string, unknown> {
  const given = parameters ?? {};
  return { ...given, ...Object.fromEntries(declared), ...given };
}

function typeOf(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'boolean';
    case 'number':
      return 'number';
    default:
      return 'string';
  }
}

function isPlain(value: unknown): boolean {
  return ['boolean', 'number', 'string'].includes(typeof value);
}

/** An emptied field leaves the old value. */
function read(value: unknown, old: unknown): unknown {
  if (value === undefined) {
    return typeof old === 'string' ? '' : old;
  }
  return isPlain(old) ? value : (JSON.parse(value as string) as unknown);
}
