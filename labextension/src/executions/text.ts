/** Where it was written to: `system` are the worker's own words, rather than what was run. */
export type LogStream = 'stdout' | 'stderr' | 'system';

/** A piece of the log, of one stream; it ends with a line, except for the last, and where a line is very long. */
export interface ILogPiece {
  readonly key: number;
  readonly stream: LogStream;
  text: string;
}

/** Where a piece is full: one is rendered at a time, so a piece is what a new line of the log costs. */
const PIECE = 8_192;
/** A line longer than this goes on in another piece: it may never end. */
const LINE = 10 * PIECE;
/** How much of a long log is kept for showing; the whole is a download away. */
const KEPT = 400_000;
/** In how many pieces at most: where two streams take turns line by line, each line is one, and costs as much. */
const MOST = 1_500;

/** The log's text as a terminal would leave it, in pieces that can be rendered one by one. */
export class LogText {
  private kept: ILogPiece[] = [];
  private nextKey = 0;
  /** How many characters there are in all pieces. */
  length = 0;
  /** Whether the beginning was left out. */
  cut = false;

  get pieces(): readonly ILogPiece[] {
    return this.kept;
  }

  /** Add what was written; a piece that is full goes on to the end of its line. */
  write(stream: LogStream, text: string): void {
    const last = this.kept[this.kept.length - 1];
    if (last?.stream === stream) {
      this.append(last, text);
    } else if (last && !last.text.endsWith('\n')) {
      this.set(last, `${last.text}\n`);
      this.begin(stream, text.replace(/^\r/, ''));
    } else {
      this.begin(stream, text);
    }
    this.trim();
  }

  private append(last: ILogPiece, text: string): void {
    if (last.text.length < PIECE) {
      this.set(last, last.text + text);
    } else if (last.text.length > LINE) {
      this.begin(last.stream, text);
    } else {
      const end = last.text.endsWith('\n') ? 0 : endOfLine(text);
      this.set(last, last.text + text.slice(0, end));
      this.begin(last.stream, text.slice(end));
    }
  }

  private begin(stream: LogStream, text: string): void {
    if (text) {
      const piece = { key: this.nextKey++, stream, text: '' };
      this.kept.push(piece);
      this.set(piece, text);
    }
  }

  private set(piece: ILogPiece, text: string): void {
    const left = text.includes('\r') ? overwritten(text) : text;
    this.length += left.length - piece.text.length;
    piece.text = left;
  }

  private trim(): void {
    let gone = 0;
    while (this.isTooLong(gone)) {
      this.length -= this.kept[gone].text.length;
      gone++;
    }
    if (gone > 0) {
      this.kept = this.kept.slice(gone);
      this.cut = true;
    }
  }

  private isTooLong(gone: number): boolean {
    const left = this.kept.length - gone;
    return left > 1 && (this.length > KEPT || left > MOST);
  }
}

function endOfLine(text: string): number {
  const end = text.indexOf('\n') + 1;
  return end === 0 ? text.length : end;
}

/** What a terminal would leave of lines that were written over and over, as progress bars do. */
export function overwritten(text: string): string {
  return text.split('\n').map(last).join('\n');
}

/** What a line shows after all its carriage returns: those at its end overwrite nothing yet. */
function last(line: string, index: number, lines: readonly string[]): string {
  let end = line.length;
  while (line[end - 1] === '\r') {
    end--;
  }
  const begin = end > 0 ? line.lastIndexOf('\r', end - 1) + 1 : 0;
  // A line that has ended leaves them out; one that goes on may be overwritten by what comes.
  return line.slice(begin, index < lines.length - 1 ? end : undefined);
}

// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;

/** The lines that hold a text, whatever its case and colours, and how many they are. */
export function matching(
  pieces: readonly ILogPiece[],
  search: string
): { pieces: ILogPiece[]; lines: number } {
  const wanted = search.toLowerCase();
  let lines = 0;
  const found = pieces.flatMap(piece => {
    const kept = piece.text
      .split('\n')
      .filter(line => line.replace(ESCAPES, '').toLowerCase().includes(wanted));
    lines += kept.length;
    return kept.length > 0 ? [{ ...piece, text: kept.join('\n') }] : [];
  });
  return { pieces: found, lines };
}
