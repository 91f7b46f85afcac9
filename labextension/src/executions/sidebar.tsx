import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  refreshIcon,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';

import type { Reach } from '../master/reach';
import { isFinal } from '../master/types';
import type { IExecutions } from '../tokens';
import { useNow } from '../view/hooks';
import { reachWords } from '../view/reach';
import { Filters } from './filters';
import type { ExecutionList } from './list';
import { Row } from './row';

/** How many milliseconds pass until how long ago something was is told again. */
const MINUTE = 60_000;

export interface ISidebarProps {
  executions: IExecutions;
  reach: Reach;
  trans: TranslationBundle;
}

/** The sidebar: whose executions, filtered and searched, newest first. */
export class Sidebar extends ReactWidget {
  constructor(private readonly props: ISidebarProps) {
    super();
    this.addClass('pj-Sidebar');
  }

  protected onAfterShow(): void {
    void this.props.executions.list.refresh();
  }

  protected render(): JSX.Element {
    const { executions, trans } = this.props;
    const { list } = executions;
    return (
      <UseSignal signal={list.changed}>
        {() => (
          <>
            <Bar {...this.props} />
            <Filters list={list} trans={trans} />
            {list.selected.length > 0 && <Selection {...this.props} />}
            <Reached {...this.props} />
            {list.problem && (
              <p className="pj-Sidebar-problem" role="alert">
                {list.problem}
              </p>
            )}
            <Rows {...this.props} />
          </>
        )}
      </UseSignal>
    );
  }
}

/** The panel's name, and a button to look again. */
function Bar({ executions, trans }: ISidebarProps): JSX.Element {
  return (
    <div className="pj-Sidebar-bar">
      <h2>{trans.__('Executions')}</h2>
      <ToolbarButtonComponent
        icon={refreshIcon}
        tooltip={trans.__('Refresh the list')}
        onClick={() => void executions.list.refresh()}
      />
    </div>
  );
}

/** Whether what is listed can be heard of; what is shown stays while it cannot. */
function Reached({ reach, trans }: ISidebarProps): JSX.Element {
  return (
    <UseSignal signal={reach.changed}>
      {() => (
        <p
          className="pj-Sidebar-reach"
          role="status"
          data-standing={reach.standing}
          title={reach.trouble}
        >
          {reachWords(reach, trans)}
        </p>
      )}
    </UseSignal>
  );
}

/** What can be done with the executions that are ticked. */
function Selection({ executions, trans }: ISidebarProps): JSX.Element {
  const { list } = executions;
  const { selected } = list;
  return (
    <div className="pj-Selection">
      <span role="status">{trans.__('%1 selected', selected.length)}</span>
      <button
        className="jp-Button jp-mod-styled jp-mod-accept pj-Selection-compare"
        title={
          selected.length > 1
            ? trans.__('Set the selected executions side by side')
            : trans.__('Select another one to compare with')
        }
        disabled={selected.length < 2}
        onClick={() => executions.compare(selected)}
      >
        {trans.__('Compare')}
      </button>
      <ToolbarButtonComponent
        icon={closeIcon}
        tooltip={trans.__('Clear the selection')}
        onClick={() => list.clearSelection()}
      />
    </div>
  );
}

function Rows({ executions, trans }: ISidebarProps): JSX.Element {
  const { list } = executions;
  const rows = list.executions;
  const live = rows.some(({ status }) => !isFinal(status));
  const now = useNow(true, live ? 1000 : MINUTE);
  return (
    <div className="pj-Sidebar-rows">
      <ul
        aria-busy={list.loading}
        aria-label={trans.__('Executions')}
        data-selecting={list.selected.length > 0}
      >
        {rows.map(execution => (
          <Row
            key={execution.id}
            execution={execution}
            trans={trans}
            now={now}
            user={executions.user}
            selected={list.isSelected(execution.id)}
            onSelect={on => list.select(execution, on)}
            onOpen={() => executions.open(execution.id)}
          />
        ))}
      </ul>
      {rows.length === 0 && !list.problem && (
        <p className="pj-Sidebar-empty">{nothing(list, trans)}</p>
      )}
      {list.hasMore && (
        <button
          className="jp-Button jp-mod-styled jp-mod-minimal pj-Sidebar-more"
          disabled={list.loading}
          onClick={() => void list.more()}
        >
          {list.loading ? trans.__('Looking…') : trans.__('Look further back')}
        </button>
      )}
    </div>
  );
}

/** Why the list is empty, and what to do about it. */
function nothing(list: ExecutionList, trans: TranslationBundle): string {
  const { scope, standing, search } = list.filter;
  if (list.loading) {
    return trans.__('Looking…');
  }
  if (standing || search) {
    return trans.__('Nothing matches the filter.');
  }
  return scope === 'notebook'
    ? trans.__(
        'This notebook has not run remotely yet. Press “Run remotely” in its toolbar.'
      )
    : trans.__(
        'Nothing has run remotely yet. Open a notebook and press “Run remotely” in its toolbar.'
      );
}
