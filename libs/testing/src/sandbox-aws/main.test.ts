// Goal: the sandbox runs by itself: it says where it listens, what is wrong with its arguments, and leaves nothing behind.
// Method: the sources, compiled into a folder of their own, started as processes. Doubles: none.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { transformSync } from '@swc/core';
import { ACCOUNT, ADMIN, ALLOW_ALL, REGION } from './fixtures';
import { logs, logsClient } from './sdk-clients';
import { startSandboxAws } from './start-sandbox-aws';

let folder: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-aws-'));
  const names = await readdir(__dirname);
  for (const name of names.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))) {
    const source = await readFile(join(__dirname, name), 'utf8');
    const { code } = transformSync(source, {
      jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
      module: { type: 'commonjs' },
    });
    await writeFile(join(folder, name.replace(/\.ts$/u, '.js')), code);
  }
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Run {
  readonly child: ChildProcess;
  /** The port it told its parent. */
  readonly ready: Promise<number>;
  readonly ended: Promise<End>;
}

interface End {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Run {
  const env = { ...process.env, NODE_PATH: resolve(__dirname, '../../../../node_modules') };
  Reflect.deleteProperty(env, 'JEST_WORKER_ID');
  const child = fork(join(folder, 'main.js'), args, { silent: true, execArgv: [], env });
  running.add(child);
  const ready = once(child, 'message').then(([message]) => (message as { port: number }).port);
  // A child that ends without having been ready is no failure of its own: what it wrote is judged.
  ready.catch(() => undefined);
  return { child, ready, ended: watchEnd(child) };
}

/** The end of the process and of both its outputs: a parent that has hung up is not told of the process's `close`. */
async function watchEnd(child: ChildProcess): Promise<End> {
  const [[exitCode], stdout, stderr] = await Promise.all([
    once(child, 'exit') as Promise<[number | null]>,
    readAll(child.stdout),
    readAll(child.stderr),
  ]);
  running.delete(child);
  return { exitCode, stdout, stderr };
}

async function readAll(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function seedFile(seed: unknown): Promise<string> {
  const path = join(folder, `seed-${String(Math.random()).slice(2)}.json`);
  await writeFile(path, typeof seed === 'string' ? seed : JSON.stringify(seed));
  return path;
}

describe('a sandbox of its own', () => {
  test('serves what its seed file says', async () => {
    const seed = {
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'admin', accessKeys: [ADMIN], policies: [ALLOW_ALL] }],
      logGroups: [{ account: ACCOUNT, region: REGION, name: 'seeded' }],
    };
    const { child, ready, ended } = run('--port', '0', '--seed', await seedFile(seed));
    const client = logsClient({
      endpoint: `http://127.0.0.1:${String(await ready)}`,
      credentials: ADMIN,
    });
    const { logGroups } = await client.send(new logs.DescribeLogGroupsCommand({}));
    expect(logGroups?.map(({ logGroupName }) => logGroupName)).toEqual(['seeded']);
    client.destroy();
    child.kill('SIGTERM');
    await ended;
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says where it listens and stops on %s',
    async (signal) => {
      const { child, ready, ended } = run('--port', '0');
      const port = await ready;
      child.kill(signal);
      expect(await ended).toEqual({
        exitCode: 0,
        stdout: `Sandbox AWS is listening on http://127.0.0.1:${String(port)}\n`,
        stderr: '',
      });
    },
  );

  test('stops when its parent goes away', async () => {
    const { child, ready, ended } = run('--port', '0');
    await ready;
    child.disconnect();
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('explains itself', async () => {
    const { exitCode, stdout } = await run('--help').ended;
    expect(exitCode).toBe(0);
    for (const option of ['--port', '--host', '--allow-remote', '--hostname', '--seed']) {
      expect(stdout).toContain(option);
    }
  });
});

describe('what a user can get wrong is told in one sentence, with exit code 1', () => {
  const failureOf = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(...args).ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    return stderr;
  };

  test('a port that is taken', async () => {
    const first = await startSandboxAws({ port: 0 });
    const place = `127.0.0.1:${String(first.port)}`;
    expect(await failureOf('--port', String(first.port))).toContain(
      `Something else is listening on ${place}`,
    );
    await first.stop();
  });

  test('a seed file that is missing, no JSON, or wrong', async () => {
    expect(await failureOf('--seed', join(folder, 'absent.json'))).toContain('cannot be read');
    expect(await failureOf('--seed', await seedFile('{'))).toContain('is not JSON');
    const bad = await seedFile({
      accounts: ['12'],
      buckets: [{ name: 'NO', region: REGION, account: ACCOUNT }],
    });
    expect(await failureOf('--port', '0', '--seed', bad)).toBe(
      'The seed is wrong: accounts.0: an account is 12 digits; buckets.0.name: is not a bucket name S3 allows.\n',
    );
  });

  test.each([
    [['--port', 'abc'], '--port abc is not a whole number from 0 to 65535.'],
    [['--port', '65536'], '--port 65536 is not a whole number from 0 to 65535.'],
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['--host', '0.0.0.0'], 'Add --allow-remote.'],
    [['--host', 'absent.invalid', '--allow-remote'], 'cannot listen on absent.invalid'],
  ])('%j', async (args, sentence) => {
    expect(await failureOf(...args)).toContain(sentence);
  });
});
