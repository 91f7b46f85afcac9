import {
  MimeModel,
  type IRenderMime,
  type IRenderMimeRegistry
} from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { useEffect, useRef } from 'react';

const TYPE = 'application/vnd.jupyter.stdout';

/** A piece of the log as JupyterLab renders text: with colours and links. Only a piece that changed is rendered again. */
export function Piece(props: {
  system: boolean;
  text: string;
  rendermime: IRenderMimeRegistry;
}): JSX.Element {
  const { system, text, rendermime } = props;
  const host = useRef<HTMLDivElement>(null);
  const renderer = useRef<IRenderMime.IRenderer | null>(null);
  useEffect(() => {
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
  return <div ref={host} className="pj-Log-piece" data-system={system} />;
}
