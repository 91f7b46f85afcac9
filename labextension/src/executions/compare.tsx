import { ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect } from 'react';

import type { Requests } from '../master/requests';
import type { IExecution } from '../master/types';
import { duration } from '../view/duration';
import { useAsked } from '../view/hooks';
import { runningTime, titleOf } from '../view/words';
import { compareRuns, factRows, rows, type IComparedRuns } from './comparison';
import { Overlays } from './overlays';
import { COLOURS } from './plot';
import { SideBySide } from './sidebyside';
import { sourceRows } from './sources';
import { StatusDot } from './status';

export interface ICompareProps {
  ids: string[];
  requests: Requests;
  trans: TranslationBundle;
  open: (id: string) => void;
}

interface IAskedProps extends ICompareProps {
  /** Called with what is compared, once it is known. */
  told: (executions: IExecution[]) => void;
}

/** Executions side by side, as a tab. */
export class Compare extends ReactWidget {
  constructor(private readonly props: ICompareProps) {
    super();
    this.addClass('pj-Detail');
    this.addClass('pj-Compare');
    this.title.label = props.trans.__('Compare');
  }

  get ids(): string[] {
    return this.props.ids;
  }

  protected render(): JSX.Element {
    return <Asked {...this.props} told={executions => this.name(executions)} />;
  }

  /** The tab carries the numbers as soon as they are known. */
  private name(executions: IExecution[]): void {
    const numbers = executions.map(({ number }) => `#${number}`).join(', ');
    this.title.label = this.props.trans.__('Compare %1', numbers);
    this.title.caption = this.title.label;
  }
}

function Asked(props: IAskedProps): JSX.Element {
  const { ids, requests, trans, told } = props;
  const { value, problem } = useAsked(
    () => compareRuns(requests, ids),
    ids.join(' ')
  );
  useEffect(() => {
    if (value) {
      told(value.comparison.executions);
    }
  }, [value]);
  if (problem) {
    return (
      <p className="pj-Problem" role="alert">
        {problem}
      </p>
    );
  }
  return value ? (
    <Told {...props} runs={value} />
  ) : (
    <p className="pj-Quiet">{trans.__('Looking…')}</p>
  );
}

function Told(props: ICompareProps & { runs: IComparedRuns }): JSX.Element {
  const { runs, trans } = props;
  const { comparison, notebooks, overlays } = runs;
  const { executions } = comparison;
  const heads = executions.map((execution, index) => (
    <Head key={execution.id} {...props} execution={execution} index={index} />
  ));
  return (
    <>
      <h2>{trans.__('Compare %1 executions', executions.length)}</h2>
      <SideBySide
        title={trans.__('Parameters')}
        heads={heads}
        rows={rows(comparison.parameters, trans.__('default'))}
        empty={trans.__('None of them has parameters.')}
        trans={trans}
      />
      <SideBySide
        title={trans.__('Results')}
        heads={heads}
        rows={rows(comparison.metadata)}
        empty={trans.__('None of them told metrics.')}
        trans={trans}
      />
      {overlays.length > 0 && (
        <Overlays overlays={overlays} executions={executions} />
      )}
      <SideBySide
        title={trans.__('What ran')}
        heads={heads}
        rows={factRows(executions, trans)}
        empty=""
        trans={trans}
        folded
      />
      <SideBySide
        title={trans.__('Code')}
        heads={heads}
        rows={sourceRows(notebooks)}
        empty={trans.__('None of them ran a notebook.')}
        trans={trans}
        folded
        code
      />
      <SideBySide
        title={trans.__('Environment')}
        heads={heads}
        rows={rows(comparison.environment)}
        empty={trans.__('What it ran in is known when it has ended.')}
        trans={trans}
        folded
      />
    </>
  );
}

/** An execution's column: its colour in the plots, its number, how it went. */
function Head(
  props: ICompareProps & { execution: IExecution; index: number }
): JSX.Element {
  const { execution, index, trans, open } = props;
  const time = runningTime(execution, Date.now());
  return (
    <div className="pj-Compare-head">
      <span
        className="pj-Compare-colour"
        style={{ background: `var(${COLOURS[index % COLOURS.length]})` }}
      />
      <button
        className="pj-Link"
        onClick={() => open(execution.id)}
        title={titleOf(execution)}
      >
        #{execution.number} {execution.spec.title}
      </button>
      <StatusDot status={execution.status} trans={trans} />
      {time !== null && <small>{duration(time)}</small>}
    </div>
  );
}
