import type { TranslationBundle } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IExecution } from '../master/types';
import { useAsked } from '../view/hooks';
import { titleOf } from '../view/words';
import { StatusDot } from './status';

interface IHeaderProps {
  execution: IExecution;
  requests: Requests;
  trans: TranslationBundle;
}

/** What it is, where it stands and why. */
export function Header(props: IHeaderProps): JSX.Element {
  const { execution, requests, trans } = props;
  const { status, detail, hint } = execution;
  const failed = status === 'error' || status === 'crashed';
  return (
    <header className="pj-Header">
      <h2>
        <StatusDot status={status} trans={trans} />
        {titleOf(execution)} <span>#{execution.number}</span>
      </h2>
      <div className="pj-Header-words" data-failed={failed} role="status">
        <p>{execution.sentence}</p>
        {detail && <p className="pj-Header-detail">{detail}</p>}
        {hint && <p className="pj-Quiet">{hint}</p>}
        {(status === 'created' || status === 'queued') && (
          <Why execution={execution} requests={requests} />
        )}
      </div>
    </header>
  );
}

/** Why it is waiting, in a sentence, asked again whenever its state changes. */
function Why(props: {
  execution: IExecution;
  requests: Requests;
}): JSX.Element | null {
  const { execution, requests } = props;
  const { value } = useAsked(
    () =>
      requests.get<{ sentence: string; hint: string }>(
        executionPath(execution.id, 'why')
      ),
    `${execution.id} ${execution.status}`
  );
  return value ? (
    <p className="pj-Quiet">
      {value.sentence} {value.hint}
    </p>
  ) : null;
}
