import type { DocumentRegistry } from '@jupyterlab/docregistry';

/** The save of a document that was asked for last. */
const saves = new WeakMap<DocumentRegistry.Context, Promise<void>>();

/**
 * Save a document if this page is the one that saves it; a failure has been shown to the person by then.
 *
 * One save at a time: to a second one, the file that the first is just writing has changed on the disk, and JupyterLab
 * asks the person what to do about it.
 */
export async function save(context: DocumentRegistry.Context): Promise<void> {
  const before = saves.get(context) ?? Promise.resolve();
  const after = before.then(() => saveNow(context));
  saves.set(context, after);
  await after;
}

async function saveNow(context: DocumentRegistry.Context): Promise<void> {
  const writable = context.contentsModel?.writable !== false;
  if (
    !context.isDisposed &&
    writable &&
    !context.model.collaborative &&
    !context.model.readOnly
  ) {
    await context.save().catch(() => undefined);
  }
}
