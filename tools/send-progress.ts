interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Everything that there is to tell in the end. */
export interface Tally {
  lines: number;
  accepted: number;
  empty: number;
  damaged: number;
  retries: number;
  rejected: Map<string, { count: number; firstLine: number; message: string }>;
}

const BAR_CHARS = 30;
const DRAW_MS = 100;

/** Shows how far a file is: a bar on a terminal, a line now and then elsewhere, nothing if it is to be quiet. */
export class SendProgress {
  private readonly startedAt = Date.now();
  private sentBytes = 0;
  private drawnAt = 0;
  private isDrawn = false;

  constructor(
    private readonly out: Terminal | undefined,
    private readonly totalBytes: number | undefined,
  ) {}

  sent(bytes: number, accepted: number): void {
    this.sentBytes += bytes;
    if (this.out?.isTTY !== true || Date.now() - this.drawnAt < DRAW_MS) return;
    this.drawnAt = Date.now();
    const share =
      this.totalBytes === undefined || this.totalBytes === 0
        ? undefined
        : this.sentBytes / this.totalBytes;
    const bar =
      share === undefined
        ? ''
        : `${drawBar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  `;
    this.draw(`${bar}${accepted} accepted, ${Math.round(accepted / this.seconds())}/s`);
  }

  waiting(why: string, waitMs: number): void {
    const text = `${why}; again in ${(waitMs / 1_000).toFixed(1)} s`;
    if (this.out?.isTTY === true) this.draw(text);
    else this.out?.write(`${text}\n`);
  }

  end(): void {
    if (this.isDrawn) this.out?.write('\r\x1b[2K');
  }

  tally({ lines, accepted, empty, damaged, retries, rejected }: Tally): string {
    const seconds = this.seconds();
    const rows = [
      `${lines} lines: ${accepted} accepted, ${[...rejected.values()].reduce((sum, { count }) => sum + count, 0)} rejected, ` +
        `${empty} empty; ${seconds.toFixed(1)} s, ${Math.round(accepted / seconds)} lines/s` +
        (retries === 0 ? '' : `, ${retries} requests sent again`),
      ...[...rejected].map(
        ([code, { count, firstLine, message }]) =>
          `  ${count} × ${code}, first in line ${firstLine}: ${message}`,
      ),
    ];
    if (damaged > 0)
      rows.push(
        `  ${damaged} lines are not UTF-8; U+FFFD stands where their bytes could not be read`,
      );
    return `${rows.join('\n')}\n`;
  }

  private seconds(): number {
    return Math.max(Date.now() - this.startedAt, 1) / 1_000;
  }

  private draw(text: string): void {
    this.isDrawn = true;
    this.out?.write(`\r\x1b[2K${text.slice(0, (this.out.columns ?? 80) - 1)}`);
  }
}

function drawBar(share: number): string {
  const full = Math.min(Math.round(share * BAR_CHARS), BAR_CHARS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARS - full)}`;
}
