import { ReactWidget } from '@jupyterlab/apputils';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { stopIcon } from '@jupyterlab/ui-components';

import type { Attachment } from '../attach/attachment';
import type { Reach } from '../master/reach';
import type { IAttachments } from '../tokens';
import { duration } from './duration';
import { useNow } from './hooks';
import { briefReach, reachWords } from './reach';
import { runningTime, statusWord } from './words';

export interface IStateActions {
  open: (run: Attachment) => void;
  stop: (run: Attachment) => void;
}

/** The notebook's latest run, in its toolbar: where it stands, for how long, and the way to stop it. */
export class RunState extends ReactWidget {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly attachments: IAttachments,
    private readonly reach: Reach,
    private readonly actions: IStateActions,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('pj-RunState');
    attachments.changed.connect(this.onChange);
    reach.changed.connect(this.onReach);
  }

  protected render(): JSX.Element | null {
    const model = this.panel.content.model;
    if (model && this.attachments.isSending(model)) {
      return (
        <span className="pj-RunState-open" data-state="sending" role="status">
          {this.trans.__('preparing…')}
        </span>
      );
    }
    const run = model && latest(this.attachments, model);
    return run ? (
      <State
        run={run}
        reach={this.reach}
        trans={this.trans}
        {...this.actions}
      />
    ) : null;
  }

  dispose(): void {
    this.attachments.changed.disconnect(this.onChange);
    this.reach.changed.disconnect(this.onReach);
    super.dispose();
  }

  private readonly onChange = (_: IAttachments, model: INotebookModel) => {
    if (model === this.panel.content.model) {
      this.update();
    }
  };

  private readonly onReach = () => this.update();
}

/** The run that is told about: the newest that goes on, else the newest. */
function latest(
  attachments: IAttachments,
  model: INotebookModel
): Attachment | undefined {
  const runs = attachments.of(model);
  const going = runs.filter(run => !run.final);
  return (going.length > 0 ? going : runs).slice(-1)[0];
}

interface IStateProps extends IStateActions {
  run: Attachment;
  reach: Reach;
  trans: TranslationBundle;
}

function State({ run, reach, trans, open, stop }: IStateProps): JSX.Element {
  const now = useNow(!run.final);
  const { status, number } = run.entry;
  const stopping = status === 'stopping';
  const unheard = run.final ? null : briefReach(reach, trans);
  const away = unheard !== null && reach.standing === 'away';
  return (
    <>
      <button
        type="button"
        className="pj-RunState-open"
        title={
          (away ? `${reachWords(reach, trans)}. ${reach.trouble}` : null) ??
          run.problem ??
          run.execution?.sentence ??
          ''
        }
        aria-label={trans.__('Open execution %1', number)}
        data-state={run.problem ? 'error' : status}
        data-away={away}
        onClick={() => open(run)}
      >
        #{number}{' '}
        <span className="pj-RunState-words" role="status">
          {unheard ?? words(run, trans)}
        </span>{' '}
        {!away && <span className="pj-RunState-time">{time(run, now)}</span>}
      </button>
      {!run.final && (
        <button
          type="button"
          className="pj-RunState-stop"
          title={trans.__('Stop this remote run')}
          disabled={stopping}
          onClick={() => stop(run)}
        >
          <stopIcon.react tag="span" width="14px" />
          {trans.__('Stop')}
        </button>
      )}
    </>
  );
}

/** Where a run stands, in a word or three. */
export function words(run: Attachment, trans: TranslationBundle): string {
  if (run.problem) {
    return trans.__('cannot be shown');
  }
  switch (run.entry.status) {
    case 'queued':
      return trans.__('waiting for a worker');
    case 'started':
      return progress(run, trans);
    default:
      return statusWord(run.entry.status, trans);
  }
}

function progress(run: Attachment, trans: TranslationBundle): string {
  if (run.execution?.phase === 'preparing') {
    return trans.__('preparing');
  }
  const states = [...run.cells.values()].map(cell => cell.state);
  const ended = states.filter(state => state === 'done' || state === 'failed');
  return trans.__('running, %1 of %2 cells', ended.length, states.length);
}

function time({ execution }: Attachment, now: number): string {
  const seconds = execution && runningTime(execution, now);
  return seconds === null ? '' : duration(seconds);
}
