/** A piece of the log; it ends with a line, except for the last. */
export interface ILogPiece {
  readonly key: number;
  /** The worker's own words, rather than what was run. */
  readonly system: boolean;
  text: string;
}

export type LogStream = 'stdout' | 'stderr' | 'system';

/** Where a piece is full: one is rendered at a time, so a piece is what a new line of the log costs. */
const PIECE = 8_192;
/** How much of a long log is kept for showing; the whole is a download away. */
const KEPT = 400_000;

/** The log's text as a terminal would leave it, in pieces that can be rendered one by one. */
export class LogText {
  private kept: ILogPiece[] = [];
  private nextKey = 0;
  private stream: LogStream | null = null;
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
    const turn = this.stream !== null && this.stream !== stream;
    this.stream = stream;
    if (!last || last.system !== (stream === 'system')) {
      this.begin(stream === 'system', text);
    } else if (turn && !last.text.endsWith('\n')) {
      this.append(last, `\n${text.replace(/^\r/, '')}`);
    } else {
      this.append(last, text);
    }
    this.trim();
  }

  private append(last: ILogPiece, text: string): void {
    if (last.text.length < PIECE) {
      this.set(last, last.text + text);
    } else {
      const end = last.text.endsWith('\n') ? 0 : endOfLine(text);
      this.set(last, last.text + text.slice(0, end));
      this.begin(last.system, text.slice(end));
    }
  }

  private begin(system: boolean, text: string): void {
    if (text) {
      const piece = { key: this.nextKey++, system, text: '' };
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
    while (this.length > KEPT && this.kept.length > 1) {
      this.length -= this.kept[0].text.length;
      this.kept = this.kept.slice(1);
      this.cut = true;
    }
  }
}

function endOfLine(text: string): number {
  const end = text.indexOf('\n') + 1;
  return end === 0 ? text.length : end;
}

/** What a terminal would leave of lines that were written over and over, as progress bars do. */
export function overwritten(text: string): string {
  return text.replace(/\r+\n/g, '\n').replace(/[^\n]*\r(?=[^\r\n])/g, '');
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
