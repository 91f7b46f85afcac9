import type { DocumentRegistry } from '@jupyterlab/docregistry';

/** Save a document if this page is the one that saves it; a failure has been shown to the person by then. */
export async function save(context: DocumentRegistry.Context): Promise<void> {
  const writable = context.contentsModel?.writable !== false;
  if (writable && !context.model.collaborative && !context.model.readOnly) {
    await context.save().catch(() => undefined);
  }
}
