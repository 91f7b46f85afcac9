import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IExecution } from '../master/types';
import { titleOf } from '../view/words';
import type { IActions } from './actions';
import { Cells } from './cells';
import { Header } from './header';
import { Log } from './log';
import { Metrics, Usage } from './metrics';
import { Outputs } from './outputs';
import { Stages } from './stages';
import type { Story } from './story';
import { What } from './what';

export interface IDetailProps {
  story: Story;
  requests: Requests;
  actions: IActions;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}

/** One execution as a tab: where it stands and why, its cells, metrics, log, files and spec. */
export class Detail extends ReactWidget {
  constructor(private readonly props: IDetailProps) {
    super();
    this.addClass('pj-Detail');
    this.title.label = props.trans.__('Execution');
    props.story.changed.connect(() => this.name());
  }

  get story(): Story {
    return this.props.story;
  }

  dispose(): void {
    this.props.story.dispose();
    super.dispose();
  }

  /** The tab carries the number as soon as it is known. */
  private name(): void {
    const { execution } = this.props.story;
    if (execution) {
      this.title.label = `#${execution.number} ${titleOf(execution)}`;
      this.title.caption = execution.sentence;
    }
  }

  protected render(): JSX.Element {
    const { story, trans } = this.props;
    return (
      <UseSignal signal={story.changed}>
        {() => (
          <>
            {story.problem && (
              <p className="pj-Problem" role="alert">
                {story.problem}
              </p>
            )}
            {story.execution ? (
              <Told {...this.props} execution={story.execution} />
            ) : (
              !story.problem && (
                <p className="pj-Quiet">{trans.__('Looking…')}</p>
              )
            )}
          </>
        )}
      </UseSignal>
    );
  }
}

function Told(props: IDetailProps & { execution: IExecution }): JSX.Element {
  const { story, execution, requests, actions, rendermime, trans } = props;
  return (
    <>
      <Header {...props} />
      <Stages execution={execution} phases={story.phases} trans={trans} />
      {story.cells.size > 0 && <Cells cells={story.cells} trans={trans} />}
      {story.metadata.length > 0 && (
        <Section title={trans.__('Metrics')}>
          <Metrics points={story.metadata} trans={trans} />
        </Section>
      )}
      <Section title={trans.__('Log')}>
        <Log
          log={story.log}
          trans={trans}
          rendermime={rendermime}
          href={requests.url(executionPath(execution.id, 'log'))}
        />
      </Section>
      <Section title={trans.__('Files')}>
        <Outputs
          execution={execution}
          requests={requests}
          trans={trans}
          open={file => actions.openOutput(execution, file)}
        />
      </Section>
      {story.stats.length > 0 && (
        <Section title={trans.__('Resource use')}>
          <Usage stats={story.stats} trans={trans} />
        </Section>
      )}
      <Section title={trans.__('What ran')}>
        <What
          execution={execution}
          requests={requests}
          openFolder={execution => actions.openFolder(execution)}
          trans={trans}
        />
      </Section>
    </>
  );
}

function Section(props: {
  title: string;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <section className="pj-Section">
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}
