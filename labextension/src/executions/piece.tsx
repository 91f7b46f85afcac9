import {
  MimeModel,
  type IRenderMime,
  type IRenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { useEffect, useLayoutEffect, useRef } from 'react';

import type { ILogPiece, LogStream } from './text';

const TYPE = 'application/vnd.jupyter.stdout';

/** A piece of the log as JupyterLab renders text: with colours and links. Only a piece that changed is rendered again. */
export function Piece(props: {
  piece: ILogPiece;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}): JSX.Element {
  const { rendermime, trans } = props;
  const { stream, text } = props.piece;
  const host = useRef<HTMLDivElement>(null);
  const renderer = useRef<IRenderMime.IRenderer | null>(null);
  // A layout effect is undone while the host is still in the page; a widget that is not there any more cannot be detached.
  useLayoutEffect(() => {
    if (!host.current) {
      return;
    }
    const made = rendermime.createRenderer(TYPE);
    renderer.current = made;
    Widget.attach(made, host.current);
    return () => made.dispose();
  }, [rendermime]);
  useEffect(() => {
    const shown = text.endsWith('\n') ? text.slice(0, -1) : text;
    const model = new MimeModel({ data: { [TYPE]: shown } });
    void renderer.current?.renderModel(model);
  }, [text]);
  const name = nameOf(stream, trans);
  return (
    <div
      ref={host}
      className="pj-Log-piece"
      data-stream={stream}
      role={name === null ? undefined : 'group'}
      aria-label={name ?? undefined}
      title={name ?? undefined}
    />
  );
}

/** What a reader cannot tell from the words alone; null for what was simply printed. */
function nameOf(stream: LogStream, trans: TranslationBundle): string | null {
  switch (stream) {
    case 'stdout':
      return null;
    case 'stderr':
      return trans.__('Standard error');
    case 'system':
      return trans.__('From the worker');
  }
}
