import type { FieldProps } from '@rjsf/utils';
import { useState } from 'react';

/** Words with commas between them, instead of a list with buttons. */
export function TagsField({
  formData,
  onChange,
  idSchema
}: FieldProps): JSX.Element {
  const [text, setText] = useState(() =>
    ((formData ?? []) as string[]).join(', ')
  );
  return (
    <input
      id={idSchema.$id}
      type="text"
      className="jp-mod-styled"
      value={text}
      onChange={event => {
        setText(event.target.value);
        const words = event.target.value.split(',').map(word => word.trim());
        onChange([...new Set(words.filter(word => word))]);
      }}
    />
  );
}

type Pair = [name: string, value: string];

/** Names and their values: a line for each, and one to begin the next. */
export function PairsField(props: FieldProps): JSX.Element {
  const { onChange, idSchema, uiSchema, schema } = props;
  const formData = props.formData as Record<string, string> | undefined;
  const [pairs, setPairs] = useState<Pair[]>(() => [
    ...Object.entries(formData ?? {}),
    ['', '']
  ]);
  const change = (index: number, pair: Pair) => {
    const changed = pairs.map((old, at) => (at === index ? pair : old));
    const named = changed.filter(([name, value]) => name || value);
    setPairs([...named, ['', '']]);
    onChange(Object.fromEntries(named.filter(([name]) => name)));
  };
  const hint = uiSchema?.['ui:placeholder'] ?? '';
  return (
    <div className="pj-Pairs">
      {pairs.map(([name, value], index) => (
        <div key={index} className="pj-Pairs-line">
          <input
            id={index === 0 ? idSchema.$id : undefined}
            type="text"
            className="jp-mod-styled"
            aria-label={`${schema.title ?? ''}: name`}
            placeholder="name"
            value={name}
            onChange={event => change(index, [event.target.value, value])}
          />
          <input
            type="text"
            className="jp-mod-styled"
            aria-label={`${schema.title ?? ''}: value`}
            placeholder={hint}
            value={value}
            onChange={event => change(index, [name, event.target.value])}
          />
        </div>
      ))}
    </div>
  );
}
