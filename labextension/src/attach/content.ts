import type * as nbformat from '@jupyterlab/nbformat';

/** The content of an output message of the kernel protocol. */
export type Content = Record<string, unknown>;

/** A widget lives in the kernel that made it, which this page cannot reach: its plain text is shown instead. */
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const WIDGET_NOTE =
  '[A widget needs a live kernel; the notebook that ran shows how it ended.]';

/** A message's content as a notebook keeps it. */
export function asOutput(type: string, content: Content): nbformat.IOutput {
  const rest = { ...content };
  delete rest.transient;
  const data = rest.data as Record<string, unknown> | undefined;
  if (data && WIDGET in data) {
    rest.data = withoutWidget(data);
  }
  return { ...rest, output_type: type };
}

function withoutWidget(data: Record<string, unknown>): Record<string, unknown> {
  const left = { ...data };
  delete left[WIDGET];
  const plain = left['text/plain'];
  const text = typeof plain === 'string' ? [plain, WIDGET_NOTE] : [WIDGET_NOTE];
  return { ...left, 'text/plain': text.join('\n') };
}

/** The name by which later messages may change what this one shows. */
export function displayId(content: Content): string | null {
  const { transient } = content as { transient?: { display_id?: unknown } };
  const id = transient?.display_id;
  return typeof id === 'string' ? id : null;
}
