// The command line as whoever types it has it: a process of its own, against a console that runs.
import { builtFile } from '@logferry/testing';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

  /** Runs a command while, just before its first write, somebody else does something: a proxy in front of the console waits for it. */
  async overtaken(
    args: readonly string[],
    input: string,
    meanwhile: () => Promise<unknown>,
  ): Promise<End> {
    let isFirst = true;
    const proxy = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        if (request.method === 'PUT' && isFirst) {
          isFirst = false;
          await meanwhile();
        }
        const headers = Object.fromEntries(
          ['authorization', 'content-type', 'if-match', 'if-none-match'].flatMap((name) => {
            const value = request.headers[name];
            return typeof value === 'string' ? [[name, value]] : [];
          }),
        );
        const answer = await this.bed.call(request.url ?? '', {
          method: request.method ?? 'GET',
          headers,
          ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks).toString() }),
        });
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
      })();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = proxy.address() as AddressInfo;
      return await this.run([...args, '--url', `http://127.0.0.1:${port}`], { input });
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
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
