import type { TranslationBundle } from '@jupyterlab/translation';

import type { Context } from '../master/types';
import type { IPreview } from './preview';

interface IAlongProps {
  along: NonNullable<IPreview['along']>;
  context: Context;
  trans: TranslationBundle;
  onChange(context: Context): void;
}

/** For chosen cells: which of the cells above go along. */
export function Along(props: IAlongProps): JSX.Element {
  const { along, context, trans } = props;
  const words: Record<Context, string> = {
    only: trans.__('Only what is selected'),
    needed: trans.__('With what it needs'),
    above: trans.__('With everything above')
  };
  const names = [...new Set(along[context].flatMap(cell => cell.provides))];
  return (
    <fieldset className="pj-Along">
      <legend>{trans.__('What goes along')}</legend>
      {(Object.keys(words) as Context[]).map(choice => (
        <label key={choice}>
          <input
            type="radio"
            name="pj-along"
            checked={choice === context}
            onChange={() => props.onChange(choice)}
          />
          {words[choice]}{' '}
          <span className="pj-Along-count">
            {trans._n('%1 cell', '%1 cells', along[choice].length)}
          </span>
        </label>
      ))}
      {names.length > 0 && (
        <p className="pj-Along-names">
          {trans.__('The cells above define: %1', names.join(', '))}
        </p>
      )}
    </fieldset>
  );
}
