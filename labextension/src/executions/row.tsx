import { Time } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { isFinal, type IExecution } from '../master/types';
import { duration } from '../view/duration';
import { runningTime, statusWord, titleOf } from '../view/words';
import { StatusDot } from './status';

export interface IRowProps {
  execution: IExecution;
  trans: TranslationBundle;
  now: number;
  /** Whose executions are listed: others' carry their owner's name. */
  user: string | null;
  selected: boolean;
  onSelect: (on: boolean) => void;
  onOpen: () => void;
}

/** One execution of the list: what it is, where it stands, when it was. */
export function Row(props: IRowProps): JSX.Element {
  const { execution, trans } = props;
  const title = titleOf(execution);
  return (
    <li className="pj-Row" data-selected={props.selected}>
      <input
        type="checkbox"
        className="pj-Row-check"
        checked={props.selected}
        onChange={event => props.onSelect(event.target.checked)}
        aria-label={trans.__('Select #%1 to compare it', execution.number)}
        title={trans.__('Select to compare')}
      />
      <button
        className="pj-Row-open"
        onClick={props.onOpen}
        title={`${title}\n${execution.sentence}`}
      >
        <span className="pj-Row-first">
          <StatusDot status={execution.status} trans={trans} />
          <span className="pj-Row-title">{title}</span>
          <span className="pj-Row-number">#{execution.number}</span>
        </span>
        <span className="pj-Row-second">
          <span className="pj-Row-facts">{facts(props)}</span>
          <span className="pj-Row-when">
            {Time.formatHuman(execution.created_at, 'narrow')}
          </span>
        </span>
        <Advance execution={execution} />
      </button>
    </li>
  );
}

function facts({ execution, trans, now, user }: IRowProps): string {
  const { status, owner, spec, progress } = execution;
  const time = runningTime(execution, now);
  return [
    statusWord(status, trans),
    !isFinal(status) && progress && `${progress.done}/${progress.total}`,
    time !== null && duration(time),
    spec.group,
    owner !== user && owner
  ]
    .filter(Boolean)
    .join(' · ');
}

/** How much of a running execution is done, as a thin line. */
function Advance({ execution }: { execution: IExecution }): JSX.Element | null {
  const { status, progress } = execution;
  if (status !== 'started' || !progress || progress.total === 0) {
    return null;
  }
  const share = Math.min(1, progress.done / progress.total);
  return (
    <span className="pj-Advance" aria-hidden="true">
      <span style={{ width: `${100 * share}%` }} />
    </span>
  );
}
