import type { TranslationBundle } from '@jupyterlab/translation';

import { executionPath } from '../master/ids';
import type { Requests } from '../master/requests';
import type { IExecution, IExecutionDetail } from '../master/types';
import { useAsked } from '../view/hooks';
import { entries, factsOf, flat, type Fact } from './facts';

interface IWhatProps {
  execution: IExecution;
  requests: Requests;
  openFolder: (execution: IExecution) => void;
  trans: TranslationBundle;
}

/** What ran and in what: parameters, spec, code version, and the environment it really had. */
export function What(props: IWhatProps): JSX.Element {
  const { execution, requests, openFolder, trans } = props;
  const { spec, project } = execution;
  const parameters = entries(spec.parameters);
  return (
    <div className="pj-What">
      {parameters.length > 0 && (
        <Facts name={trans.__('Parameters')} facts={parameters} />
      )}
      <Facts name={trans.__('Spec')} facts={factsOf(execution, trans)} />
      {spec.code && (
        <p className="pj-What-folder">
          <button
            className="pj-Link"
            title={trans.__(
              'Copy the folder as it was sent into perijove/, and show it in the file browser'
            )}
            onClick={() => openFolder(execution)}
          >
            {trans.__('Open the folder that ran')}
          </button>
          <a
            href={requests.url(
              `master/code/${spec.code}/archive?project=${encodeURIComponent(project)}`
            )}
            download={`${spec.code.slice(0, 12)}.tar.zst`}
          >
            {trans.__('Download it')}
          </a>
        </p>
      )}
      <Environment {...props} />
    </div>
  );
}

function Environment(props: IWhatProps): JSX.Element | null {
  const { execution, requests, trans } = props;
  const { value } = useAsked(
    () => requests.get<IExecutionDetail>(executionPath(execution.id)),
    `${execution.id} ${execution.status}`
  );
  const facts = flat(value?.environment ?? {});
  if (facts.length === 0) {
    return null;
  }
  return (
    <details>
      <summary>{trans.__('Environment it ran in')}</summary>
      <Facts name={trans.__('Environment')} facts={facts} />
    </details>
  );
}

function Facts({ name, facts }: { name: string; facts: Fact[] }): JSX.Element {
  return (
    <table className="pj-Table pj-Facts" aria-label={name}>
      <tbody>
        {facts.map(([key, value]) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
