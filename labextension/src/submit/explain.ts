import { Notification, showErrorMessage } from '@jupyterlab/apputils';

import { ApiError } from '../master/requests';

/** Tell a person why something they asked for was not done. */
export function explain(error: unknown): void {
  if (error instanceof ApiError) {
    Notification.error(
      error.hint ? `${error.message}\n${error.hint}` : error.message,
      { autoClose: false }
    );
  } else {
    void showErrorMessage('Perijove', error as Error);
  }
}
