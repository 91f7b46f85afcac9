import {
  Dialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';

import { ApiError, wordsOf } from '../master/requests';

/** Characters after which JupyterLab cuts a notification off. */
const SHORT = 140;

/** Tell a person why something they asked for was not done, and what helps. */
export function explain(error: unknown): void {
  if (!(error instanceof ApiError)) {
    void showErrorMessage('Perijove', error as Error);
    return;
  }
  const words = wordsOf(error);
  if (words.length <= SHORT) {
    Notification.error(words, { autoClose: false });
  } else {
    void showDialog({
      title: 'Perijove',
      body: words,
      buttons: [Dialog.okButton()]
    });
  }
}
