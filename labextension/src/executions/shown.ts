import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IExecutions, IMaster } from '../tokens';
import { Compare } from './compare';
import { Deeds } from './deeds';
import { Detail } from './detail';
import { ExecutionList } from './list';
import { Story } from './story';
import { Tabs } from './tabs';
import { DetailToolbar } from './toolbar';

export namespace CommandIds {
  export const open = 'perijove:open-execution';
  export const compare = 'perijove:compare-executions';
}

/** JupyterLab's own command that shows a folder in the file browser. */
const BROWSE = 'filebrowser:go-to-path';

interface IStatus {
  info?: { user: string | null };
}

/** What the executions need of the application. */
export interface ISurroundings {
  app: JupyterFrontEnd;
  master: IMaster;
  rendermime: IRenderMimeRegistry;
  restorer: ILayoutRestorer | null;
  trans: TranslationBundle;
  /** The current notebook's path. */
  path: () => string | null;
}

/** The list of executions, and the tabs that show them. */
export class Executions implements IExecutions {
  readonly list: ExecutionList;
  readonly actions: Deeds;
  user: string | null = null;
  private readonly details: Tabs<Detail>;
  private readonly comparisons: Tabs<Compare>;

  constructor(private readonly around: ISurroundings) {
    const { app, master, trans, path } = around;
    this.list = new ExecutionList(master.requests, master.feed, {
      user: () => this.user,
      path
    });
    this.actions = new Deeds(
      master.requests,
      app.serviceManager.contents,
      {
        isOwn: ({ owner }) => owner === this.user,
        openDetail: id => this.open(id),
        openFile: path => this.openFile(path),
        openFolder: path => app.commands.execute(BROWSE, { path }),
        say,
        changed: execution => this.list.hear(execution)
      },
      trans
    );
    this.details = this.detailTabs();
    this.comparisons = this.compareTabs();
  }

  open(id: string): void {
    this.details.open([id]);
  }

  compare(ids: string[]): void {
    this.comparisons.open(ids);
  }

  /** Ask who is looking: their own executions are listed first. */
  async meet(): Promise<void> {
    try {
      const { info } = await this.around.master.requests.get<IStatus>('status');
      this.user = info?.user ?? null;
    } catch {
      // The list says itself what is wrong with the connection.
    }
  }

  /** Open a file; of one that JupyterLab has no view for, tell where it lies. */
  private openFile(path: string): Promise<unknown> {
    const { app, trans } = this.around;
    if (app.docRegistry.getFileTypesForPath(path).length > 0) {
      return app.commands.execute('docmanager:open', { path });
    }
    Notification.success(trans.__('Copied to %1', path), { autoClose: 8000 });
    return Promise.resolve();
  }

  private detailTabs(): Tabs<Detail> {
    const { app, master, rendermime, restorer, trans } = this.around;
    const { requests, feed } = master;
    const { actions } = this;
    const kind = {
      namespace: 'perijove-execution',
      command: CommandIds.open,
      label: trans.__('Open an execution'),
      argument: { execution: { type: 'string' } },
      idsOf: ({ story }: Detail) => [story.id],
      toolbar: ({ story }: Detail) => new DetailToolbar(story, actions, trans),
      make: ([id]: string[]) =>
        new Detail({
          story: new Story(id, feed),
          requests,
          actions,
          rendermime,
          trans
        })
    };
    return new Tabs(app, kind, restorer);
  }

  private compareTabs(): Tabs<Compare> {
    const { app, master, restorer, trans } = this.around;
    const { requests } = master;
    const kind = {
      namespace: 'perijove-compare',
      command: CommandIds.compare,
      label: trans.__('Compare executions'),
      argument: {
        executions: { type: 'array', items: { type: 'string' } }
      },
      idsOf: ({ ids }: Compare) => ids,
      make: (ids: string[]) =>
        new Compare({ ids, requests, trans, open: id => this.open(id) })
    };
    return new Tabs(app, kind, restorer);
  }
}

function say(words: string): () => void {
  const id = Notification.emit(words, 'in-progress', { autoClose: false });
  return () => Notification.dismiss(id);
}
