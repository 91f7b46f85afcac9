import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Card } from '../card/card';
import { MIME_TYPE } from '../card/payload';
import { IExecutions, IMaster } from '../tokens';

/** Shows executions that code displays in a cell. */
export const card: JupyterFrontEndPlugin<void> = {
  id: '@perijove/labextension:card',
  description: 'Renders executions in the outputs of cells.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IMaster, IExecutions],
  optional: [ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    master: IMaster,
    executions: IExecutions,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('perijove');
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME_TYPE],
        createRenderer: () => new Card({ master, executions, trans })
      },
      0
    );
  }
};
