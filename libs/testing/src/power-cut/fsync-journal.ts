// What a power cut takes from a Redis: everything that no fsync had covered. Killing the process alone takes nothing, since the kernel
// keeps what was written.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(__dirname, 'fsync-journal.c');
const COMPILERS = ['cc', 'gcc', 'clang', 'tcc'] as const;

export interface PowerCut {
  /** How much of the files was written and not yet safe. */
  bytesLost: number;
  /** When the last fsync began that covers all that is left: what was written before is there. */
  safeUntilMs: number;
  /**
   * The longest of that fsync, the one before it and the one that the cut fell into: Redis waits for one to end before it begins the
   * next.
   */
  fsyncMs: number;
}

interface Sync {
  inode: number;
  bytes: number;
  beganMs: number;
  /** 0 for one that has begun. */
  endedMs: number;
}

/** Writes down what a program's fsyncs have made safe, by a library that is loaded into it. */
export class FsyncJournal {
  private readonly dir = mkdtempSync(join(tmpdir(), 'logferry-fsync-'));
  private readonly journal = join(this.dir, 'journal');

  private constructor(compiler: string) {
    const library = join(this.dir, 'fsync-journal.so');
    execFileSync(compiler, ['-shared', '-fPIC', '-o', library, SOURCE]);
    this.environment = { LD_PRELOAD: library, FSYNC_JOURNAL: this.journal };
  }

  readonly environment: Readonly<Record<string, string>>;

  /** Nothing on a machine that has no C compiler, or loads no libraries this way. */
  static make(): FsyncJournal | undefined {
    const compiler = process.platform === 'linux' ? COMPILERS.find(isThere) : undefined;
    return compiler === undefined ? undefined : new FsyncJournal(compiler);
  }

  /** Takes from the files in a folder, and below it, what no fsync had covered. The program must have been killed. */
  cutPower(folder: string): PowerCut {
    const nowMs = Date.now();
    const journal = this.read();
    const syncs = journal.filter(({ endedMs }) => endedMs > 0);
    let bytesLost = 0;
    let cut: PowerCut = { bytesLost: 0, safeUntilMs: 0, fsyncMs: 0 };
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      const file = statSync(path);
      if (!file.isFile()) continue;
      const ofFile = syncs.filter(({ inode }) => inode === file.ino);
      // The last, not the longest: an inode may have been another file's before.
      const last = ofFile.at(-1);
      const safeBytes = last?.bytes ?? 0;
      if (last !== undefined && last.beganMs > cut.safeUntilMs) {
        const tookMs = ofFile.slice(-2).map(({ beganMs, endedMs }) => endedMs - beganMs);
        const begun = journal.findLast(({ inode }) => inode === file.ino);
        if (begun?.endedMs === 0) tookMs.push(nowMs - begun.beganMs);
        cut = { bytesLost, safeUntilMs: last.beganMs, fsyncMs: Math.max(...tookMs) };
      }
      if (file.size <= safeBytes) continue;
      bytesLost += file.size - safeBytes;
      truncateSync(path, safeBytes);
    }
    return { ...cut, bytesLost };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  private read(): Sync[] {
    if (!existsSync(this.journal)) return [];
    return readFileSync(this.journal, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [inode = 0, bytes = 0, beganMs = 0, endedMs = 0] = line.split(' ').map(Number);
        return { inode, bytes, beganMs, endedMs };
      });
  }
}

function isThere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
