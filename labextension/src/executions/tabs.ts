import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import {
  MainAreaWidget,
  Notification,
  WidgetTracker
} from '@jupyterlab/apputils';
import type { JSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { isId } from '../master/ids';
import { perijoveIcon } from '../view/icons';

export interface IKind<T extends Widget> {
  /** Names the tracker, and begins each tab's id. */
  namespace: string;
  /** The command that opens a tab, and its argument: an execution's id, or a list of them. */
  command: string;
  argument: JSONObject;
  label: string;
  /** The executions that a tab shows. */
  idsOf: (content: T) => string[];
  make: (ids: string[]) => T;
  /** What stands in a tab's toolbar. */
  toolbar?: (content: T) => Widget;
}

/** Tabs of one kind: each thing has one, and they come back with the page. */
export class Tabs<T extends Widget> {
  private readonly tracker: WidgetTracker<MainAreaWidget<T>>;

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly kind: IKind<T>,
    restorer: ILayoutRestorer | null
  ) {
    const { namespace, command, argument, label, idsOf } = kind;
    const [name] = Object.keys(argument);
    this.tracker = new WidgetTracker({ namespace });
    app.commands.addCommand(command, {
      label,
      describedBy: {
        args: { type: 'object', required: [name], properties: argument }
      },
      execute: given => this.open([given[name]].flat() as string[])
    });
    void restorer?.restore(this.tracker, {
      command,
      args: ({ content }) => ({ [name]: idsOf(content) }),
      name: ({ id }) => id
    });
  }

  /** Show the tab of these executions; make it where there is none. A notebook may name what is no execution. */
  open(ids: string[]): void {
    if (!ids.every(isId)) {
      Notification.error('This is not the id of an execution.', {
        autoClose: 8000
      });
      return;
    }
    const id = [this.kind.namespace, ...ids].join('-');
    if (!this.tracker.find(known => known.id === id)) {
      this.add(id, ids);
    }
    this.app.shell.activateById(id);
  }

  private add(id: string, ids: string[]): void {
    const widget = new MainAreaWidget({ content: this.kind.make(ids) });
    widget.id = id;
    widget.title.icon = perijoveIcon;
    widget.title.label = widget.content.title.label;
    widget.content.title.changed.connect(({ label, caption }) => {
      widget.title.label = label;
      widget.title.caption = caption;
    });
    widget.title.closable = true;
    this.furnish(widget);
    void this.tracker.add(widget);
    this.app.shell.add(widget, 'main');
  }

  private furnish({ toolbar, content }: MainAreaWidget<T>): void {
    if (this.kind.toolbar) {
      toolbar.addItem('actions', this.kind.toolbar(content));
    } else {
      toolbar.hide();
    }
  }
}
