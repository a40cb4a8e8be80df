import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

type Style = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

/** What a command says: to people, or with `--json` to a program. Results go to standard output, and everything about them beside. */
export class Terminal {
  constructor(readonly isJson: boolean) {}

  /** Whether somebody sits there who can be asked. */
  get hasPerson(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY;
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined));
  }

  /** What was done: as it was answered, for a program, or in a line. */
  result(value: unknown, text: string): void {
    if (this.isJson) this.json(value);
    else this.line(text);
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((title, i) =>
      Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
    );
    const lineOf = (cells: readonly string[]): string =>
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd();
    this.line(this.style('dim', lineOf(head)));
    for (const row of rows) this.line(lineOf(row));
  }

  /** Node leaves the colours out where nobody sees them, and where NO_COLOR is set. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  async confirm(question: string): Promise<boolean> {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
    } finally {
      lines.close();
    }
  }
}
