import type { FieldTemplateProps, ObjectFieldTemplateProps } from '@rjsf/utils';

/** A field on a line of its own: its label to the left, what there is to say below. */
export function FieldTemplate(props: FieldTemplateProps): JSX.Element {
  const { id, label, schema, uiSchema, children, rawErrors, rawHelp } = props;
  if (schema.type === 'object' && !uiSchema?.['ui:field']) {
    return <>{children}</>;
  }
  const said = rawHelp ?? schema.description;
  return (
    <div className="pj-Field">
      <label htmlFor={id}>{label}</label>
      <div className="pj-Field-control">
        {children}
        {said && <p className="pj-Field-help">{said}</p>}
        {rawErrors?.map(error => (
          <p key={error} className="pj-Field-error" role="alert">
            {error}
          </p>
        ))}
      </div>
    </div>
  );
}

/** Fields that belong together, with their name above; the form itself has none. */
export function ObjectTemplate(props: ObjectFieldTemplateProps): JSX.Element {
  const fields = props.properties.map(property => property.content);
  return props.idSchema.$id === 'root' ? (
    <>{fields}</>
  ) : (
    <fieldset className="pj-Fields">
      <legend>{props.title}</legend>
      {fields}
    </fieldset>
  );
}
