import type { TranslationBundle } from '@jupyterlab/translation';

import { bytes } from '../view/bytes';
import type { IPreview } from './preview';

/** What of the project folder is sent: its size, its biggest files, and what is left out. */
export function Snapshot(props: {
  snapshot: IPreview['snapshot'];
  trans: TranslationBundle;
}): JSX.Element {
  const { snapshot, trans } = props;
  return (
    <details className="pj-Snapshot">
      <summary>
        {trans._n(
          'Sends %2: %1 file of this folder',
          'Sends %2: %1 files of this folder',
          snapshot.files,
          bytes(snapshot.size)
        )}
      </summary>
      <table>
        <tbody>
          {snapshot.biggest.map(file => (
            <tr key={file.path}>
              <td>{file.path}</td>
              <td className="pj-Number">{bytes(file.size)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {snapshot.ignored.length > 0 && (
        <p>{trans.__('Left out: %1', snapshot.ignored.join(', '))}</p>
      )}
    </details>
  );
}
