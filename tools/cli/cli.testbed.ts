// The command line as whoever types it has it: a process of its own, against a console that runs.
import { builtFile } from '@logferry/testing';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsoleTestbed } from '../../apps/console/src/console.testbed';

export interface End {
  code: number | null;
  out: string;
  /** What went to standard error. */
  told: string;
}

interface RunOptions {
  environment?: Readonly<Record<string, string>>;
  input?: string;
}

export interface RunningCommand {
  readonly ended: Promise<End>;
  out(): string;
  told(): string;
  signal(name: NodeJS.Signals): void;
}

export function startCli(
  args: readonly string[],
  { environment = {}, input }: RunOptions,
): RunningCommand {
  const child = spawn(process.execPath, [builtFile('tools/cli/main.ts'), ...args], {
    env: { PATH: process.env.PATH, ...environment },
  });
  let out = '';
  let told = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (told += data.toString()));
  child.stdin.end(input ?? '');
  const ended = new Promise<End>((resolve) =>
    child.once('close', (code) => resolve({ code, out, told })),
  );
  return { ended, out: () => out, told: () => told, signal: (name) => void child.kill(name) };
}

export function runCli(args: readonly string[], options: RunOptions = {}): Promise<End> {
  return startCli(args, options).ended;
}

/** A folder for files, and commands that are let in by a key that may do everything. */
export class CliTestbed {
  readonly folder = mkdtempSync(join(tmpdir(), 'logferry-cli-'));
  environment: Record<string, string> = {};

  constructor(private readonly bed: ConsoleTestbed) {}

  get url(): string {
    return `http://127.0.0.1:${this.bed.app.ports.http}`;
  }

  async mint(body: object): Promise<{ id: string; key: string }> {
    const answer = await this.bed.json<{ id: string; key: string }>('/v1/keys', {
      method: 'POST',
      body,
    });
    return answer.body;
  }

  async letIn(): Promise<void> {
    const { key } = await this.mint({ name: 'cli', scopes: ['admin'] });
    this.environment = { LOGFERRY_CONSOLE_URL: this.url, LOGFERRY_CONSOLE_KEY: key };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<End> {
    return runCli(args, {
      ...options,
      environment: { ...this.environment, ...options.environment },
    });
  }

  start(args: readonly string[]): RunningCommand {
    return startCli(args, { environment: this.environment });
  }

  file(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
