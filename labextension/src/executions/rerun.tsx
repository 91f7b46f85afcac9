import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import type { JSONObject, ReadonlyJSONObject } from '@lumino/coreutils';
import { customizeValidator } from '@rjsf/validator-ajv8';
import { useState } from 'react';

import type { IExecution } from '../master/types';
import { FieldTemplate, ObjectTemplate } from '../submit/templates';
import { changesOf, formOf, type Choice, type IChanges } from './changes';

const validator = customizeValidator<ReadonlyJSONObject>();
const templates = { FieldTemplate, ObjectFieldTemplate: ObjectTemplate };

class Body
  extends ReactWidget
  implements Dialog.IBodyWidget<ReadonlyJSONObject>
{
  private values: ReadonlyJSONObject;

  constructor(private readonly form: ReturnType<typeof formOf>) {
    super();
    this.addClass('pj-Rerun');
    this.values = form.values;
  }

  getValue(): ReadonlyJSONObject {
    return this.values;
  }

  protected render(): JSX.Element {
    return (
      <Form
        {...this.form}
        onValues={values => {
          this.values = values;
        }}
      />
    );
  }
}

function Form(props: {
  schema: JSONObject;
  values: JSONObject;
  onValues: (values: ReadonlyJSONObject) => void;
}): JSX.Element {
  const [values, setValues] = useState<ReadonlyJSONObject>(props.values);
  return (
    <div className="pj-RunForm">
      <FormComponent
        tagName="div"
        templates={templates}
        schema={props.schema}
        formData={values}
        validator={validator}
        liveValidate
        showErrorList={false}
        onChange={event => {
          const changed = event.formData as ReadonlyJSONObject;
          setValues(changed);
          props.onValues(changed);
        }}
      />
    </div>
  );
}

/** Ask what shall be different; null when the person cancelled. */
export async function askForChanges(
  execution: IExecution,
  groups: readonly Choice[],
  declared: ReadonlyMap<string, unknown>,
  trans: TranslationBundle
): Promise<IChanges | null> {
  const dialog = new Dialog<ReadonlyJSONObject>({
    title: trans.__('Run #%1 again', execution.number),
    body: new Body(formOf(execution, groups, declared)),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Run') })
    ]
  });
  const { button, value } = await dialog.launch();
  return button.accept && value ? changesOf(execution, value, declared) : null;
}
