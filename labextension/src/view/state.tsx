import { ReactWidget } from '@jupyterlab/apputils';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { stopIcon } from '@jupyterlab/ui-components';
import { useEffect, useState } from 'react';

import type { Attachment } from '../attach/attachment';
import type { IAttachments } from '../tokens';
import { duration } from './duration';

export interface IStateActions {
  open: (run: Attachment) => void;
  stop: (run: Attachment) => void;
}

/** The notebook's latest run, in its toolbar: where it stands, for how long, and the way to stop it. */
export class RunState extends ReactWidget {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly attachments: IAttachments,
    private readonly actions: IStateActions,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('pj-RunState');
    attachments.changed.connect(this.onChange);
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
      <State run={run} trans={this.trans} {...this.actions} />
    ) : null;
  }

  dispose(): void {
    this.attachments.changed.disconnect(this.onChange);
    super.dispose();
  }

  private readonly onChange = (_: IAttachments, model: INotebookModel) => {
    if (model === this.panel.content.model) {
      this.update();
    }
  };
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
  trans: TranslationBundle;
}

function State({ run, trans, open, stop }: IStateProps): JSX.Element {
  useTick(!run.final);
  const { status, number } = run.entry;
  const stopping = status === 'stopping';
  return (
    <>
      <button
        type="button"
        className="pj-RunState-open"
        title={run.problem ?? run.execution?.sentence ?? ''}
        aria-label={trans.__('Open execution %1', number)}
        data-state={run.problem ? 'error' : status}
        onClick={() => open(run)}
      >
        #{number} <span role="status">{words(run, trans)}</span>{' '}
        <span className="pj-RunState-time">{time(run)}</span>
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
    case 'created':
      return trans.__('waiting');
    case 'queued':
      return trans.__('waiting for a worker');
    case 'started':
      return progress(run, trans);
    case 'stopping':
      return trans.__('stopping');
    case 'complete':
      return trans.__('done');
    case 'error':
      return trans.__('failed');
    case 'crashed':
      return trans.__('crashed');
    case 'stopped':
      return trans.__('stopped');
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

function time(run: Attachment): string {
  const { started_at: began, finished_at: ended } = run.execution ?? {};
  if (!began) {
    return '';
  }
  const until = ended ? Date.parse(ended) : Date.now();
  return duration(Math.max(0, until - Date.parse(began)) / 1000);
}

function useTick(on: boolean): void {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!on) {
      return;
    }
    const timer = window.setInterval(() => tick(n => n + 1), 1000);
    return () => window.clearInterval(timer);
  }, [on]);
}
