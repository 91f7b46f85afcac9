import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  copyIcon,
  downloadIcon,
  ToolbarButtonComponent,
  launchIcon
} from '@jupyterlab/ui-components';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type {
  IExecution,
  ILeftOut,
  IOutputFile,
  IOutputsPage
} from '../master/types';
import { bytes } from '../view/bytes';
import { useAsked } from '../view/hooks';

/** How many files a page shows: more rows would make it slow. */
const SHOWN = 2000;

interface IOutputsProps {
  execution: IExecution;
  requests: Requests;
  trans: TranslationBundle;
  open: (file: IOutputFile) => void;
}

/** The files an execution made: open, download, or copy their address for another run's input. */
export function Outputs(props: IOutputsProps): JSX.Element {
  const { execution, requests, trans } = props;
  const { value, problem } = useAsked(
    () => files(requests, execution.id),
    `${execution.id} ${execution.status}`
  );
  if (problem) {
    return <p role="alert">{problem}</p>;
  }
  if (!value) {
    return <p className="pj-Quiet">{trans.__('Looking…')}</p>;
  }
  const { kept } = value;
  return (
    <>
      {kept.length === 0 && value.leftOut === 0 && (
        <p className="pj-Quiet">{none(execution, trans)}</p>
      )}
      {kept.length > 0 && (
        <table className="pj-Table pj-Outputs">
          <tbody>
            {kept.slice(0, SHOWN).map(file => (
              <File key={file.id} file={file} {...props} />
            ))}
          </tbody>
        </table>
      )}
      {kept.length > SHOWN && (
        <p className="pj-Quiet">
          {trans.__('There are more: perijove outputs lists all of them.')}
        </p>
      )}
      {value.leftOut > 0 && <LeftOut {...value} trans={trans} />}
    </>
  );
}

/** The files of an execution, and those that it left but are not among them. */
export interface IFiles {
  kept: IOutputFile[];
  leftOut: number;
  named: ILeftOut[];
}

/** The first output files of an execution, and one more than are shown where there are more. */
export async function files(
  requests: Pick<Requests, 'get'>,
  execution: string
): Promise<IFiles> {
  const found: IFiles = { kept: [], leftOut: 0, named: [] };
  let cursor: string | null = '';
  while (cursor !== null && found.kept.length <= SHOWN) {
    const query: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const page: IOutputsPage = await requests.get(
      executionPath(execution, `outputs?limit=500${query}`)
    );
    found.kept.push(...page.items);
    found.leftOut = page.left_out;
    found.named = page.left_out_files;
    cursor = page.next;
  }
  return found;
}

/** What is not among the outputs, and why. */
export function LeftOut(
  props: Omit<IFiles, 'kept'> & { trans: TranslationBundle }
): JSX.Element {
  const { leftOut, named, trans } = props;
  return (
    <section aria-label={trans.__('Files that were left out')}>
      <p className="pj-Quiet">
        {trans._n(
          '%1 file was left out:',
          '%1 files were left out:',
          leftOut,
          leftOut
        )}
      </p>
      <table className="pj-Table pj-Outputs pj-LeftOut">
        <tbody>
          {named.map(({ name, why }, place) => (
            <tr key={place}>
              <td dir="auto">{name}</td>
              <td>{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {leftOut > named.length && (
        <p className="pj-Quiet">
          {trans.__('And %1 more.', leftOut - named.length)}
        </p>
      )}
    </section>
  );
}

function File(props: IOutputsProps & { file: IOutputFile }): JSX.Element {
  const { execution, file, requests, trans, open } = props;
  const path = file.name.split('/').map(encodeURIComponent).join('/');
  const href = requests.url(executionPath(execution.id, `outputs/${path}`));
  return (
    <tr>
      <td>
        <button
          className="pj-Link"
          onClick={() => open(file)}
          title={trans.__('Open it in JupyterLab')}
        >
          {file.name}
        </button>
      </td>
      <td className="pj-Number">{bytes(file.size)}</td>
      <td>
        <div className="pj-Outputs-actions">
          <ToolbarButtonComponent
            icon={launchIcon}
            tooltip={trans.__('Open a copy in JupyterLab')}
            onClick={() => open(file)}
          />
          <a
            className="pj-IconLink"
            href={href}
            download={file.name.split('/').pop()}
            title={trans.__('Download')}
            aria-label={trans.__('Download %1', file.name)}
          >
            <downloadIcon.react tag="span" width="16px" />
          </a>
          <ToolbarButtonComponent
            icon={copyIcon}
            tooltip={trans.__('Copy datum:// address, for another run’s input')}
            onClick={() => copy(file, trans)}
          />
        </div>
      </td>
    </tr>
  );
}

/** Copy a file's address. The browser's own clipboard is not there on plain HTTP, JupyterLab's is. */
function copy({ id, name }: IOutputFile, trans: TranslationBundle): void {
  Clipboard.copyToSystem(`datum://${id}`);
  Notification.success(trans.__('Copied the address of %1', name), {
    autoClose: 3000
  });
}

function none({ status }: IExecution, trans: TranslationBundle): string {
  return status === 'complete' || status === 'error'
    ? trans.__('It left no files.')
    : trans.__('Files appear here when it has ended.');
}
