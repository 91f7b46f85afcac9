import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { Feed } from '../master/feed';
import { Requests } from '../master/requests';
import { IMaster } from '../tokens';

/** Provides the way to the master. */
export const master: JupyterFrontEndPlugin<IMaster> = {
  id: '@perijove/labextension:master',
  description: 'Requests to the Perijove service, and its feed.',
  autoStart: true,
  provides: IMaster,
  activate: (app: JupyterFrontEnd): IMaster => {
    const settings = app.serviceManager.serverSettings;
    return { requests: new Requests(settings), feed: new Feed(settings) };
  }
};
