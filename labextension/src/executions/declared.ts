/** As much of a notebook document as is looked at here. */
export interface INotebookDocument {
  metadata?: { kernelspec?: { language?: string } };
  cells?: {
    id?: string;
    cell_type?: string;
    source?: string | string[];
    metadata?: { tags?: string[] };
  }[];
}

const ASSIGNMENT = /^([A-Za-z_]\w*)\s*(?::[^=]+)?=(.+)$/;
const WORDS = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null]
]);

/**
 * The parameters that a Python notebook declares, with their defaults: so that a form can offer them.
 *
 * Only plain numbers, words and texts are read, each on a line of its own; what else may be there cannot be changed in a
 * form anyway. The service checks what is given.
 */
export function declared(notebook: INotebookDocument): Map<string, unknown> {
  const language = notebook.metadata?.kernelspec?.language ?? 'python';
  const cell = notebook.cells?.find(({ metadata }) =>
    metadata?.tags?.includes('parameters')
  );
  const lines = [cell?.source ?? ''].flat().join('').split('\n');
  const found = new Map<string, unknown>();
  if (language !== 'python') {
    return found;
  }
  for (const line of lines) {
    const [, name, text] = ASSIGNMENT.exec(line.trimEnd()) ?? [];
    const value = name ? literal(text.trim()) : undefined;
    if (value !== undefined) {
      found.set(name, value);
    }
  }
  return found;
}

/** A Python literal's value; undefined for anything but numbers, words and plain texts. */
function literal(text: string): unknown {
  const quoted = /^(["'])((?:(?!\1)[^\\])*)\1\s*(?:#.*)?$/.exec(text);
  if (quoted) {
    return quoted[2];
  }
  const bare = text.split('#', 1)[0].trim();
  if (WORDS.has(bare)) {
    return WORDS.get(bare);
  }
  const number = bare.replaceAll('_', '');
  return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(number)
    ? Number(number)
    : undefined;
}
