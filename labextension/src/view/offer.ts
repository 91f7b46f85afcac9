import { Dialog } from '@jupyterlab/apputils';
import type { ICodeCellModel } from '@jupyterlab/cells';
import { SimplifiedOutputArea } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';

/** Show what a cell that was edited since produced remotely; true when it is to be inserted. */
export async function showOffer(
  offer: ICodeCellModel,
  rendermime: IRenderMimeRegistry,
  trans: TranslationBundle
): Promise<boolean> {
  const body = new SimplifiedOutputArea({ model: offer.outputs, rendermime });
  body.addClass('pj-Offer');
  const { button } = await new Dialog({
    title: trans.__('The remote result of the code as it was sent'),
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Insert') })
    ]
  }).launch();
  return button.accept;
}
