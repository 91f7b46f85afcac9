import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  folderIcon,
  notebookIcon,
  refreshIcon,
  stopIcon,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';

import { isFinal, type IExecution } from '../master/types';
import type { IActions } from './actions';
import type { Story } from './story';

/** What can be done with an execution, in its tab's toolbar. */
export class DetailToolbar extends ReactWidget {
  constructor(
    private readonly story: Story,
    private readonly actions: IActions,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('pj-Actions');
  }

  protected render(): JSX.Element {
    const { story, actions, trans } = this;
    return (
      <UseSignal signal={story.changed}>
        {() =>
          story.execution && (
            <Actions
              execution={story.execution}
              actions={actions}
              trans={trans}
            />
          )
        }
      </UseSignal>
    );
  }
}

interface IActionsProps {
  execution: IExecution;
  actions: IActions;
  trans: TranslationBundle;
}

function Actions(props: IActionsProps): JSX.Element {
  const { execution, actions, trans } = props;
  const { status, spec } = execution;
  return (
    <>
      {!isFinal(status) && (
        <ToolbarButtonComponent
          icon={stopIcon}
          label={trans.__('Stop')}
          tooltip={trans.__('Stop this execution')}
          enabled={status !== 'stopping'}
          onClick={() => actions.stop(execution)}
        />
      )}
      <ToolbarButtonComponent
        icon={refreshIcon}
        label={trans.__('Run again…')}
        tooltip={trans.__('Run the same again, with other parameters')}
        onClick={() => actions.rerun(execution)}
      />
      {spec.notebook && (
        <ToolbarButtonComponent
          icon={notebookIcon}
          label={trans.__('Open notebook')}
          tooltip={trans.__('Open a copy of the notebook with its outputs')}
          disabledTooltip={trans.__('Its outputs are there when it has ended')}
          enabled={isFinal(status)}
          onClick={() => actions.openNotebook(execution, 'executed')}
        />
      )}
      {spec.notebook && (
        <ToolbarButtonComponent
          label={trans.__('Open as submitted')}
          tooltip={trans.__('Open a copy of exactly the notebook that ran')}
          onClick={() => actions.openNotebook(execution, 'submitted')}
        />
      )}
      {spec.code && (
        <ToolbarButtonComponent
          icon={folderIcon}
          label={trans.__('Open folder')}
          tooltip={trans.__('Show a copy of the folder that ran')}
          onClick={() => actions.openFolder(execution)}
        />
      )}
    </>
  );
}
