import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';

import { Sidebar } from '../executions/sidebar';
import { IExecutions, IMaster } from '../tokens';
import { perijoveIcon } from '../view/icons';

namespace CommandIds {
  export const show = 'perijove:show-executions';
  export const refresh = 'perijove:refresh-executions';
  export const compare = 'perijove:compare-selected';
}

/** The sidebar of executions. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:sidebar',
  description: 'The sidebar of executions, and its commands.',
  autoStart: true,
  requires: [IExecutions, IMaster],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    executions: IExecutions,
    { feed }: IMaster,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    const widget = new Sidebar({ executions, reach: feed.reach, trans });
    dress(widget, trans);
    // What was told to nobody while the platform was away is asked for.
    feed.reach.changed.connect((_, standing) => {
      if (standing === 'back' && widget.isVisible) {
        void executions.list.refresh();
      }
    });
    app.shell.add(widget, 'left', { rank: 300, type: 'Executions' });
    restorer?.add(widget, widget.id);
    lookAgainOnReturn(widget, executions);
    addCommands(app, widget, executions, trans);
    const category = trans.__('Perijove');
    Object.values(CommandIds).forEach(command =>
      palette?.addItem({ command, category })
    );
  }
};

function dress(widget: Sidebar, trans: TranslationBundle): void {
  widget.id = 'perijove-executions';
  widget.title.icon = perijoveIcon;
  widget.title.caption = trans.__('Executions');
  widget.node.setAttribute('role', 'region');
  widget.node.setAttribute('aria-label', trans.__('Executions'));
}

/** What was begun elsewhere shows when the person comes back to this page. */
function lookAgainOnReturn(widget: Sidebar, { list }: IExecutions): void {
  const look = () => {
    if (document.visibilityState === 'visible' && widget.isVisible) {
      void list.refresh();
    }
  };
  document.addEventListener('visibilitychange', look);
  window.addEventListener('focus', look);
}

function addCommands(
  { commands, shell }: JupyterFrontEnd,
  widget: Sidebar,
  executions: IExecutions,
  trans: TranslationBundle
): void {
  const { list } = executions;
  commands.addCommand(CommandIds.show, {
    label: trans.__('Show executions'),
    caption: trans.__('Show the list of remote executions'),
    icon: perijoveIcon,
    execute: () => shell.activateById(widget.id)
  });
  commands.addCommand(CommandIds.refresh, {
    label: trans.__('Refresh executions'),
    execute: () => list.refresh()
  });
  commands.addCommand(CommandIds.compare, {
    label: trans.__('Compare selected executions'),
    isEnabled: () => list.selected.length > 1,
    execute: () => executions.compare(list.selected)
  });
  list.changed.connect(() => commands.notifyCommandChanged(CommandIds.compare));
}
