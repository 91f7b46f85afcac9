import type { TranslationBundle } from '@jupyterlab/translation';

import { isFinal, type IExecution, type IPhaseRecord } from '../master/types';
import { duration } from '../view/duration';
import { useNow } from '../view/hooks';
import { timeline, type Stage } from './timeline';

/** The way of an execution from its creation to its end: a bar, and the same in words. */
export function Stages(props: {
  execution: IExecution;
  phases: IPhaseRecord[];
  trans: TranslationBundle;
}): JSX.Element {
  const { execution, phases, trans } = props;
  const now = useNow(!isFinal(execution.status));
  const segments = timeline(execution, phases, now);
  const total = segments.reduce((sum, { seconds }) => sum + seconds, 0);
  return (
    <div className="pj-Stages">
      <div className="pj-Stages-bar" aria-hidden="true">
        {segments.map(({ stage, seconds, now }) => (
          <span
            key={stage}
            data-stage={stage}
            data-now={now}
            style={{ flexGrow: share(seconds, total) }}
            title={`${stageWord(stage, trans)} ${duration(seconds)}: ${meaning(stage, trans)}`}
          />
        ))}
      </div>
      <ol className="pj-Stages-words">
        {segments.map(({ stage, seconds, now }) => (
          <li
            key={stage}
            data-stage={stage}
            data-now={now}
            title={meaning(stage, trans)}
          >
            {stageWord(stage, trans)} <b>{duration(seconds)}</b>
          </li>
        ))}
        <li>
          {trans.__('In all')} <b>{duration(total)}</b>
        </li>
      </ol>
    </div>
  );
}

/** A stage's part of the bar, in percent; each is wide enough to be seen. */
function share(seconds: number, total: number): number {
  return Math.max(1, total > 0 ? (100 * seconds) / total : 0);
}

function stageWord(stage: Stage, trans: TranslationBundle): string {
  switch (stage) {
    case 'waiting':
      return trans.__('Waiting');
    case 'queued':
      return trans.__('Queued');
    case 'preparing':
      return trans.__('Preparing');
    case 'running':
      return trans.__('Running');
    case 'uploading':
      return trans.__('Uploading');
  }
}

/** What went on meanwhile. */
function meaning(stage: Stage, trans: TranslationBundle): string {
  switch (stage) {
    case 'waiting':
      return trans.__('until it was its turn');
    case 'queued':
      return trans.__('until a worker took it');
    case 'preparing':
      return trans.__('fetching code and inputs');
    case 'running':
      return trans.__('its cells or commands');
    case 'uploading':
      return trans.__('storing the files it made');
  }
}
