import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { IChoices } from '../attach/metadata';
import { askHowToRun } from '../submit/dialog';
import { Runner } from '../submit/runner';
import { IAttachments, IMaster, IRunner } from '../tokens';

/** The plugin whose settings hold what a notebook's first dialog begins with. */
const SETTINGS = '@perijove/labextension:commands';
/** How many milliseconds a note stays in sight; afterwards it is with JupyterLab's other notifications. */
const SHOWN = 15_000;

/** Provides the submitting of notebooks, with its dialog. */
export const runner: JupyterFrontEndPlugin<IRunner> = {
  id: '@perijove/labextension:runner',
  description: 'Submits notebooks and cells as remote executions.',
  autoStart: true,
  provides: IRunner,
  requires: [IMaster, IAttachments],
  optional: [ISettingRegistry, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    master: IMaster,
    attachments: IAttachments,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): IRunner => {
    const trans = (translator ?? nullTranslator).load('perijove');
    let defaults: IChoices = {};
    void registry?.load(SETTINGS).then(settings => {
      const read = () => {
        defaults = (settings.get('defaults').composite ?? {}) as IChoices;
      };
      settings.changed.connect(read);
      read();
    });
    return new Runner(master, attachments, {
      ask: (panel, selection, preview) =>
        askHowToRun(panel, selection, preview, trans),
      tell: note => void Notification.info(note, { autoClose: SHOWN }),
      defaults: () => defaults
    });
  }
};
