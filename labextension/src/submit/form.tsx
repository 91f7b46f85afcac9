import type { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';
import { customizeValidator } from '@rjsf/validator-ajv8';
import { useMemo, useState } from 'react';

import type { Context, IGroup } from '../master/types';
import { Along } from './along';
import { PairsField, TagsField } from './fields';
import type { IPreview } from './preview';
import { Snapshot } from './snapshot';
import { FieldTemplate, ObjectTemplate } from './templates';

const validator = customizeValidator<ReadonlyJSONObject>();
const templates = { FieldTemplate, ObjectFieldTemplate: ObjectTemplate };
const fields = { tags: TagsField, pairs: PairsField };

/** What most runs need; the rest is folded away. */
const FIRST = ['group', 'image', 'parameters', 'title', 'tags'];

export interface IFormProps {
  preview: IPreview;
  context: Context;
  trans: TranslationBundle;
  onValues(values: ReadonlyJSONObject, valid: boolean): void;
  onContext(context: Context): void;
}

/** The body of the dialog: what goes along, the fields, and what will be sent. */
export function RunForm(props: IFormProps): JSX.Element {
  const { preview, trans } = props;
  const [values, setValues] = useState(preview.values);
  const [context, setContext] = useState(props.context);
  const [first, rest] = useMemo(() => split(preview.schema), [preview.schema]);
  const group = preview.groups.find(known => known.name === values.group);
  const part = (schema: RJSFSchema) => (
    <FormComponent
      tagName="div"
      schema={schema}
      uiSchema={uiSchema(group, trans)}
      formData={values}
      validator={validator}
      templates={templates}
      fields={fields}
      liveValidate
      showErrorList={false}
      onChange={event => {
        const changed = {
          ...values,
          ...(event.formData as ReadonlyJSONObject)
        };
        setValues(changed);
        props.onValues(changed, event.errors.length === 0);
      }}
    />
  );
  return (
    <div className="pj-RunForm">
      {preview.along && (
        <Along
          along={preview.along}
          context={context}
          trans={trans}
          onChange={chosen => {
            setContext(chosen);
            props.onContext(chosen);
          }}
        />
      )}
      {part(first)}
      <details className="pj-More">
        <summary>{trans.__('Inputs, environment and limits')}</summary>
        {part(rest)}
      </details>
      <Snapshot snapshot={preview.snapshot} trans={trans} />
      {preview.notes.map(note => (
        <p className="pj-RunForm-note" key={note}>
          {note}
        </p>
      ))}
    </div>
  );
}

/** The fields that are shown at once, and the others. */
function split(schema: RJSFSchema): [RJSFSchema, RJSFSchema] {
  const all = Object.entries(schema.properties ?? {});
  const those = (first: boolean): RJSFSchema => ({
    ...schema,
    required: schema.required?.filter(name => FIRST.includes(name) === first),
    properties: Object.fromEntries(
      all.filter(([name]) => FIRST.includes(name) === first)
    )
  });
  return [those(true), those(false)];
}

function uiSchema(
  group: IGroup | undefined,
  trans: TranslationBundle
): UiSchema<ReadonlyJSONObject> {
  return {
    group: { 'ui:help': group ? expectation(group, trans) : undefined },
    tags: {
      'ui:field': 'tags',
      'ui:help': trans.__('With commas between them.')
    },
    inputs: { 'ui:field': 'pairs', 'ui:placeholder': 'datum://… or https://…' },
    environment: { 'ui:field': 'pairs', 'ui:placeholder': 'value' }
  };
}

/** What to expect of a group just now. */
function expectation(group: IGroup, trans: TranslationBundle): string {
  const { idle, waiting, running, max_workers: most } = group;
  const now =
    idle > 0
      ? trans._n(
          '%1 idle worker: starts at once',
          '%1 idle workers: starts at once',
          idle
        )
      : running + waiting < most
        ? trans.__('a worker starts on demand')
        : trans.__('all workers are busy, %1 waiting', waiting);
  return trans.__('Up to %1 workers; %2.', most, now);
}
