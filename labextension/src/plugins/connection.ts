import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  Notification,
  showErrorMessage
} from '@jupyterlab/apputils';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';

import { CONNECT, Connection } from '../connection/connection';
import { askForService } from '../connection/dialog';
import { ApiError, wordsOf } from '../master/requests';
import { explain } from '../submit/explain';
import { IExecutions, IMaster } from '../tokens';
import { VERSION } from '../version';

/** How many milliseconds a notice stays in sight; afterwards it is with JupyterLab's other notifications. */
const SHOWN = 20_000;

/** Says at the start what is wrong with the connection, and lets the person name a service where there is no Hub. */
export const connection: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:connection',
  description: 'Checks the connection to the service, and asks for one.',
  autoStart: true,
  requires: [IMaster],
  optional: [IExecutions, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    master: IMaster,
    executions: IExecutions | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    const service = new Connection(master.requests);
    let notice = 'none';
    app.commands.addCommand(CONNECT, {
      label: trans.__('Connect to Perijove…'),
      caption: trans.__('Name the Perijove service to use, and a token for it'),
      execute: async ({ problem }) => {
        const why = typeof problem === 'string' ? problem : '';
        const connected = await connect(service, trans, why).catch(explain);
        if (connected) {
          Notification.dismiss(notice);
          await executions?.meet();
          await executions?.list.refresh();
        }
        return connected === true;
      }
    });
    palette?.addItem({ command: CONNECT, category: trans.__('Perijove') });
    void app.restored
      .then(async () => {
        notice = (await greet(service, trans, app)) ?? notice;
      })
      .catch(() => undefined); // Whoever asks for something is told what is wrong.
  }
};

/** Say what a person has to know before they begin; return the notice that a service is to be named, if it is. */
async function greet(
  service: Connection,
  trans: TranslationBundle,
  app: JupyterFrontEnd
): Promise<string | null> {
  const status = await service.status();
  if (status.version !== VERSION) {
    Notification.warning(
      trans.__(
        'Perijove on this server is %1, this page is %2. Reload the page; if that does not help, restart the server.',
        status.version,
        VERSION
      ),
      { autoClose: false }
    );
  }
  const problem = await service.problem(status);
  if (!problem) {
    return null;
  }
  const label = trans.__('Connect…');
  const callback = () => void app.commands.execute(CONNECT);
  return Notification.info(problem.message, {
    actions: [{ label, callback }],
    autoClose: SHOWN
  });
}

/**
 * Ask until it works or the person gives up; whether it works.
 *
 * @param problem - why they are asked, or empty.
 */
async function connect(
  service: Connection,
  trans: TranslationBundle,
  problem: string
): Promise<boolean> {
  let known = await service.service();
  if (!known.editable) {
    await showErrorMessage(
      trans.__('Connect to Perijove'),
      trans.__("%1 is set by this server's configuration.", known.url)
    );
    return false;
  }
  let refused = { problem, typed: '' };
  for (;;) {
    const given = await askForService(known, refused, trans);
    if (!given) {
      return false;
    }
    try {
      const { url, info } = await service.use(given.url, given.token);
      Notification.success(
        trans.__('Connected to %1 as %2.', url, info.user ?? '?'),
        { autoClose: SHOWN / 2 }
      );
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      refused = { problem: wordsOf(error), typed: given.token };
      known = { ...known, url: given.url };
    }
  }
}
