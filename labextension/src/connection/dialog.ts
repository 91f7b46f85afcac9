import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { IService } from './connection';

/** What a person gives. */
export interface ICredentials {
  url: string;
  token: string;
}

/** What was wrong with what the person gave last, and the token they typed; both empty at first. */
export interface IRefused {
  problem: string;
  typed: string;
}

/** The fields for an address and a token, and what was wrong with the last ones. */
export class ConnectionForm
  extends Widget
  implements Dialog.IBodyWidget<ICredentials>
{
  private readonly url: HTMLInputElement;
  private readonly token: HTMLInputElement;

  constructor(
    service: Pick<IService, 'url' | 'token'>,
    { typed, problem }: IRefused,
    trans: TranslationBundle
  ) {
    super();
    this.addClass('pj-Connection');
    // Not of the type `url`: what is not an address is to be explained, and not to disable the button without a word.
    this.url = this.field('url', trans.__('Address'), 'text');
    this.url.inputMode = 'url';
    this.url.value = service.url;
    this.url.placeholder = 'https://hub.example.org/services/perijove/';
    this.token = this.field('token', trans.__('Token'), 'password');
    this.token.value = typed;
    this.token.placeholder = service.token
      ? trans.__('the one that is kept')
      : trans.__("from the Hub's token page");
    this.say(problem);
  }

  getValue(): ICredentials {
    return { url: this.url.value.trim(), token: this.token.value.trim() };
  }

  private field(name: string, label: string, type: string): HTMLInputElement {
    const words = document.createElement('label');
    const input = document.createElement('input');
    input.id = `pj-connection-${name}`;
    input.type = type;
    input.className = 'jp-mod-styled';
    input.autocomplete = 'off';
    input.spellcheck = false;
    words.htmlFor = input.id;
    words.textContent = label;
    this.node.append(words, input);
    return input;
  }

  private say(problem: string): void {
    const line = document.createElement('p');
    line.setAttribute('role', 'alert');
    line.textContent = problem;
    line.hidden = problem === '';
    this.node.append(line);
  }
}

/** Ask for an address and a token; null when the person cancelled. */
export async function askForService(
  service: Pick<IService, 'url' | 'token'>,
  refused: IRefused,
  trans: TranslationBundle
): Promise<ICredentials | null> {
  const { button, value } = await new Dialog<ICredentials>({
    title: trans.__('Connect to Perijove'),
    body: new ConnectionForm(service, refused, trans),
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({ label: trans.__('Connect') })
    ],
    focusNodeSelector: `#pj-connection-${service.url ? 'token' : 'url'}`
  }).launch();
  return button.accept ? value : null;
}
