import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, steadyPort } from './free-port';
import { until } from './until';

/** A Redis of a test's own, which the test may kill. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of the server's process; undefined in a container. */
  readonly pid: number | undefined;
  /** Where its data lies; undefined in a container. */
  readonly dir: string | undefined;
  /** kill -9. What was acknowledged stays in the append-only file. */
  kill(): Promise<void>;
  /** Makes it hang, connections open and nothing answered, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Starts it again on the same port with the same data, if it does not run. */
  start(): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}

interface RedisOptions {
  /** `--name value` pairs for redis-server. */
  settings?: Record<string, string>;
  /** Beside the test's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** What starts the server, if it is not started itself: a program and its arguments, to which the server's are added. */
  launcher?: readonly string[];
}

/** The Redis server program of this machine, if there is one. */
export function redisProgram(): string | undefined {
  for (const program of ['redis-server', 'valkey-server']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return program;
    } catch {
      // not on the path
    }
  }
  return undefined;
}

/** Starts a Redis with an append-only file: the machine's own program, or else a container. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const program = redisProgram();
  if (program === undefined) return startRedisContainer(options);
  const server = new RedisProcess(program, await steadyPort(), options);
  await server.start();
  return server;
}

class RedisProcess implements TestRedis {
  readonly dir = mkdtempSync(join(tmpdir(), 'logferry-redis-'));
  private process: ChildProcess | undefined;

  constructor(
    private readonly program: string,
    readonly port: number,
    private readonly options: RedisOptions,
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  async start(): Promise<void> {
    if (this.isRunning()) return;
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.dir,
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'maxmemory-policy': 'noeviction',
      ...this.options.settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const [launcher, ...words] = [...(this.options.launcher ?? []), this.program, ...args];
    const env = { ...process.env, ...this.options.environment };
    this.process = spawn(launcher ?? this.program, words, { stdio: 'ignore', env });
    this.process.on('error', () => undefined);
    await redisAnswers(this.url);
  }

  async kill(): Promise<void> {
    const { process } = this;
    if (process === undefined || !this.isRunning()) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  }

  private isRunning(): boolean {
    return (
      this.process !== undefined &&
      this.process.exitCode === null &&
      this.process.signalCode === null
    );
  }

  pause(): Promise<void> {
    this.process?.kill('SIGSTOP');
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.process?.kill('SIGCONT');
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Resolves when a Redis at this address has loaded its data and answers. */
export async function redisAnswers(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  try {
    await until(
      async () => {
        try {
          if (client.status !== 'ready') await client.connect();
          return (await client.ping()) === 'PONG';
        } catch {
          return false;
        }
      },
      { what: `Redis answers at ${url}` },
    );
  } finally {
    client.disconnect();
  }
}

async function startRedisContainer({ settings = {} }: RedisOptions): Promise<TestRedis> {
  const { RedisContainer } = await import('@testcontainers/redis');
  const { getContainerRuntimeClient } = await import('testcontainers');
  const port = await freePort();
  const args = Object.entries({ appendonly: 'yes', 'maxmemory-policy': 'noeviction', ...settings });
  const container = await new RedisContainer('redis:7.2-alpine')
    .withExposedPorts({ container: 6379, host: port })
    .withCommand(['redis-server', ...args.flatMap(([name, value]) => [`--${name}`, value])])
    .start();
  const url = `redis://${container.getHost()}:${port}`;
  const { container: engine } = await getContainerRuntimeClient();
  const handle = engine.getById(container.getId());
  return {
    url,
    port,
    pid: undefined,
    dir: undefined,
    kill: async () => {
      await handle.kill();
    },
    pause: async () => {
      await handle.pause();
    },
    resume: async () => {
      await handle.unpause();
    },
    start: async () => {
      await container.restart({ timeout: 0 });
      await redisAnswers(url);
    },
    stop: async () => {
      await container.stop();
    },
  };
}
