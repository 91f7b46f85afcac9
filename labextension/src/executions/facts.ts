import type { TranslationBundle } from '@jupyterlab/translation';

import type { IExecution, IResources } from '../master/types';
import { bytes } from '../view/bytes';
import { plain } from '../view/words';

/** A name and a value, for a table. */
export type Fact = [name: string, value: string];

/** What ran, as a person would put it; what the spec leaves out is left out. */
export function factsOf(
  { spec, project_name, owner, worker }: IExecution,
  trans: TranslationBundle
): Fact[] {
  const { notebook } = spec;
  const facts: [string, unknown][] = [
    [trans.__('Notebook'), notebook?.path],
    [trans.__('Cells'), notebook?.cells?.length],
    [trans.__('Goes along'), notebook?.cells && notebook.context],
    [trans.__('Command'), spec.command?.join('\n')],
    [trans.__('Tags'), spec.tags?.join(', ')],
    [trans.__('Group'), spec.group],
    [trans.__('Image'), spec.image],
    [trans.__('Code version'), spec.code?.slice(0, 12)],
    [trans.__('Time limit'), spec['time-limit']],
    [trans.__('Resources'), resources(spec.resources)],
    [trans.__('Inputs'), spec.inputs],
    [trans.__('Environment'), spec['environment-variables']],
    [trans.__('Project'), project_name],
    [trans.__('Submitted by'), owner],
    [trans.__('Worker'), worker]
  ];
  return facts
    .filter(([, value]) => isGiven(value))
    .map(([name, value]) => [name, plain(value)]);
}

function isGiven(value: unknown): boolean {
  return (
    value !== undefined &&
    value !== null &&
    value !== '' &&
    (typeof value !== 'object' || Object.keys(value).length > 0)
  );
}

/** `2 CPUs, 4 GB, 1 GPU`; what is left to the worker is left out. */
function resources(taken: IResources | undefined): string {
  const { cpus, memory, gpus } = taken ?? {};
  return [
    cpus && `${cpus} CPU${cpus === 1 ? '' : 's'}`,
    memory && bytes(memory),
    gpus && `${gpus} GPU${gpus === 1 ? '' : 's'}`
  ]
    .filter(Boolean)
    .join(', ');
}

/** Name and value of each entry of a mapping. */
export function entries(values: Record<string, unknown> | undefined): Fact[] {
  return Object.entries(values ?? {}).map(([name, value]) => [
    name,
    plain(value)
  ]);
}

/** A nested mapping laid out flat: `packages.numpy`. */
export function flat(values: Record<string, unknown>, prefix = ''): Fact[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? flat(value as Record<string, unknown>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, plain(value)] as Fact]
  );
}
