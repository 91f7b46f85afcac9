import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { stopIcon, ToolbarButtonComponent } from '@jupyterlab/ui-components';

import { StatusDot } from '../executions/status';
import { isWebAddress } from '../master/ids';
import { isFinal, type IExecution } from '../master/types';
import type { IExecutions, IMaster } from '../tokens';
import { duration } from '../view/duration';
import { useNow } from '../view/hooks';
import { plain, runningTime, statusWord, titleOf } from '../view/words';
import { MIME_TYPE, payloadOf, type IPayload } from './payload';
import { LiveRow } from './row';

interface ICardProps {
  master: IMaster;
  executions: IExecutions;
  trans: TranslationBundle;
}

/** How many metrics a card has room for. */
const SHOWN = 6;

/** An execution as the output of a cell: live, and after the notebook was opened again. */
export class Card extends ReactWidget implements IRenderMime.IRenderer {
  private payload: IPayload | null = null;
  private row: LiveRow | null = null;

  constructor(private readonly props: ICardProps) {
    super();
    this.addClass('pj-Card-output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const payload = payloadOf(model.data[MIME_TYPE]);
    if (payload?.id !== this.payload?.id) {
      this.row?.dispose();
      this.row = null;
    }
    if (payload && !this.row) {
      const { requests, feed } = this.props.master;
      this.row = new LiveRow(payload.id, requests, feed);
      this.row.changed.connect(({ execution }) => this.tell(execution));
    }
    this.payload = payload;
    this.update();
    return this.renderPromise ?? Promise.resolve();
  }

  dispose(): void {
    this.row?.dispose();
    super.dispose();
  }

  /** What a cell begins shows in the sidebar too. */
  private tell(execution: IExecution | null): void {
    if (execution && !isFinal(execution.status)) {
      this.props.executions.list.hear(execution);
    }
  }

  protected render(): JSX.Element | null {
    const { payload, row } = this;
    if (!payload || !row) {
      return (
        <p className="pj-Quiet">
          {this.props.trans.__('This is not the card of an execution.')}
        </p>
      );
    }
    return (
      <UseSignal signal={row.changed}>
        {() =>
          row.execution ? (
            <Live {...this.props} execution={row.execution} />
          ) : (
            <Kept {...this.props} payload={payload} problem={row.problem} />
          )
        }
      </UseSignal>
    );
  }
}

function Live(props: ICardProps & { execution: IExecution }): JSX.Element {
  const { execution, executions, trans } = props;
  const { status, progress, metadata } = execution;
  const over = isFinal(status);
  const time = runningTime(execution, useNow(!over));
  const facts = [
    statusWord(status, trans),
    !over && progress && `${progress.done}/${progress.total}`,
    time !== null && duration(time),
    execution.spec.group
  ];
  return (
    <article className="pj-Card" aria-label={trans.__('Remote execution')}>
      <div className="pj-Card-first">
        <StatusDot status={status} trans={trans} />
        <button
          className="pj-Link"
          title={trans.__('Show the execution')}
          onClick={() => executions.open(execution.id)}
        >
          {titleOf(execution)} #{execution.number}
        </button>
        <span className="pj-Quiet">{facts.filter(Boolean).join(' · ')}</span>
        {!over && (
          <ToolbarButtonComponent
            icon={stopIcon}
            tooltip={trans.__('Stop this execution')}
            enabled={status !== 'stopping'}
            onClick={() => executions.actions.stop(execution)}
          />
        )}
      </div>
      {status !== 'complete' && status !== 'started' && (
        <p className="pj-Quiet">{execution.sentence}</p>
      )}
      <Values values={metadata} />
      {!over && progress && progress.total > 0 && (
        <span className="pj-Advance" aria-hidden="true">
          <span
            style={{ width: `${(100 * progress.done) / progress.total}%` }}
          />
        </span>
      )}
    </article>
  );
}

function Values(props: {
  values: Record<string, unknown>;
}): JSX.Element | null {
  const all = Object.entries(props.values);
  if (all.length === 0) {
    return null;
  }
  return (
    <dl className="pj-Card-values">
      {all.slice(0, SHOWN).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{plain(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Its title, as a link where it has the address of a web page. */
function Title({ payload }: { payload: IPayload }): JSX.Element {
  const title = `${payload.title} #${payload.number}`;
  return isWebAddress(payload.url) ? (
    <a href={payload.url} target="_blank" rel="noopener noreferrer">
      {title}
    </a>
  ) : (
    <span>{title}</span>
  );
}

/** What the notebook remembers, where the service has not answered or cannot. */
function Kept(
  props: ICardProps & { payload: IPayload; problem: string | null }
): JSX.Element {
  const { payload, problem, trans } = props;
  return (
    <article className="pj-Card" aria-label={trans.__('Remote execution')}>
      <div className="pj-Card-first">
        <StatusDot status={payload.status} trans={trans} />
        <Title payload={payload} />
        <span className="pj-Quiet">{payload.group}</span>
      </div>
      {problem && (
        <p className="pj-Quiet">
          {trans.__('This is how it stood when it was shown.')} {problem}
        </p>
      )}
    </article>
  );
}
