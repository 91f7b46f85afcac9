import type { TranslationBundle } from '@jupyterlab/translation';

import type { Status } from '../master/types';
import { statusWord } from '../view/words';

/** A dot in a status's colour, with its name for those who do not see it. */
export function StatusDot(props: {
  status: Status;
  trans: TranslationBundle;
}): JSX.Element {
  const word = statusWord(props.status, props.trans);
  return (
    <span
      className="pj-Status"
      data-status={props.status}
      role="img"
      aria-label={word}
      title={word}
    />
  );
}
