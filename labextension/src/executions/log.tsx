import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup } from '@jupyterlab/ui-components';
import { useState } from 'react';

import { useFollowing } from './following';
import { Piece } from './piece';
import { matching, type LogText } from './text';

interface ILogProps {
  log: LogText;
  trans: TranslationBundle;
  rendermime: IRenderMimeRegistry;
  href: string;
}

/** The live log: search it, and follow its end unless the person scrolled up. */
export function Log(props: ILogProps): JSX.Element {
  const { log, trans, rendermime } = props;
  const [search, setSearch] = useState('');
  const { follow, setFollow, box, text, onScroll } = useFollowing();
  const found = search ? matching(log.pieces, search) : null;
  return (
    <section className="pj-Log">
      <div className="pj-Log-bar">
        <InputGroup
          type="search"
          className="pj-Log-search"
          placeholder={trans.__('Search the log')}
          aria-label={trans.__('Search the log')}
          rightIcon="ui-components:search"
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
        {found && (
          <span role="status">
            {trans._n('%1 line', '%1 lines', found.lines, found.lines)}
          </span>
        )}
        <label>
          <input
            type="checkbox"
            checked={follow}
            onChange={event => setFollow(event.target.checked)}
          />
          {trans.__('Follow')}
        </label>
        <a href={props.href} download="log.txt">
          {trans.__('Download')}
        </a>
      </div>
      <div
        ref={box}
        className="pj-Log-box"
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={trans.__('Log')}
        onScroll={onScroll}
      >
        <div ref={text}>
          {log.cut && (
            <p className="pj-Quiet">
              {trans.__('Only the end is shown. Download the log to read all.')}
            </p>
          )}
          {log.length === 0 && (
            <p className="pj-Quiet">{trans.__('Nothing was written yet.')}</p>
          )}
          {(found?.pieces ?? log.pieces).map(piece => (
            <Piece
              key={piece.key}
              piece={piece}
              rendermime={rendermime}
              trans={trans}
            />
          ))}
        </div>
      </div>
    </section>
  );
}
