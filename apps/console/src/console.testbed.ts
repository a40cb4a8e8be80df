// A console on a real Redis with two shards, and batches in it as ingest and the workers leave them.
import { shardOf, type FailureCode, type Lane } from '@logferry/core';
import {
  BatchConsumer,
  BatchProducer,
  BatchStore,
  encodeFragment,
  Holds,
  patientRedis,
  type Deliver,
  type RedisClient,
} from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import {
  aCloudWatchLane,
  aLogEvent,
  startRedis,
  until,
  withEnvironment,
  type TestRedis,
} from '@logferry/testing';
import { startConsole } from './main';

const PASSWORD = 'correct horse battery staple';
export const SHARDS = 2;

export const authorization = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

interface CallOptions {
  method?: string;
  /** An object is sent as JSON, and text as it is. */
  body?: object | string;
  type?: string;
  headers?: Record<string, string>;
  to?: RunningApp;
}

interface Whose {
  tenantId?: string;
  destinationId?: string;
  code?: FailureCode;
}

/** Starts a Redis and consoles for all tests of a file, and empties Redis before each. */
export function useConsoleTestbed(): ConsoleTestbed {
  const bed = new ConsoleTestbed();
  beforeAll(() => bed.start());
  beforeEach(() => bed.redis.flushall());
  afterEach(() => bed.stopWorkers());
  afterAll(() => bed.stop());
  return bed;
}

export class ConsoleTestbed {
  redis!: RedisClient;
  stores!: BatchStore[];
  app!: RunningApp;
  readOnlyApp!: RunningApp;
  private server!: TestRedis;
  private consumers: BatchConsumer[] = [];

  async start(): Promise<void> {
    this.server = await startRedis({ settings: { appendonly: 'no' } });
    this.redis = patientRedis(this.server);
    this.stores = Array.from({ length: SHARDS }, (_, shard) => new BatchStore(this.redis, shard));
    this.app = await this.startApp({});
    this.readOnlyApp = await this.startApp({ LOGFERRY_CONSOLE_READ_ONLY: 'true' });
  }

  /** Of both shards: a batch is in one of them. */
  get holds(): Holds[] {
    return this.stores.map(({ shard }) => new Holds(this.redis, shard));
  }

  get redisUrl(): string {
    return this.server.url;
  }

  async stop(): Promise<void> {
    await Promise.all([this.app.close(), this.readOnlyApp.close()]);
    this.redis.disconnect();
    await this.server.stop();
  }

  async startApp(over: Record<string, string>): Promise<RunningApp> {
    const app = await withEnvironment(
      {
        REDIS_URL: this.server.url,
        LOGFERRY_REDIS_SHARDS: String(SHARDS),
        LOGFERRY_LOG_LEVEL: 'silent',
        LOGFERRY_CONSOLE_PORT: '0',
        LOGFERRY_CONSOLE_PASSWORD: PASSWORD,
        LOGFERRY_BROKER_SECRET: 'a-secret-of-many-chars',
        ...over,
      },
      startConsole,
    );
    const ready = `http://127.0.0.1:${app.ports.http}/health/ready`;
    await until(async () => (await fetch(ready)).status === 200);
    return app;
  }

  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const { method = 'GET', body, type, headers = {}, to = this.app } = options;
    const sent = typeof body === 'object' ? JSON.stringify(body) : body;
    const contentType = type ?? (typeof body === 'object' ? 'application/json' : undefined);
    const answer = await fetch(`http://127.0.0.1:${to.ports.http}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  async json<T>(path: string, options: CallOptions = {}): Promise<{ status: number; body: T }> {
    const { status, text } = await this.call(path, options);
    return { status, body: JSON.parse(text) as T };
  }

  /** A worker for both shards. */
  consume(deliver: Deliver): void {
    const ignore = (): void => undefined;
    const observer = {
      delivered: ignore,
      failed: ignore,
      held: ignore,
      resumed: ignore,
      error: ignore,
    };
    const hold = { windowMs: Infinity, tenantBytesMax: () => Infinity };
    const options = { sink: 'cloudwatch', concurrency: 4, attemptsMax: 1, hold, observer } as const;
    for (const { shard } of this.stores) {
      const store = new BatchStore(this.redis, shard);
      this.consumers.push(new BatchConsumer(this.redis, store, deliver, options));
    }
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.consumers.splice(0).map((consumer) => consumer.close(1_000)));
  }

  /** A batch as ingest accepts it, with its job; resolves with its id. */
  async send(lane: Lane, messages: readonly string[], timeMs = Date.now()): Promise<string> {
    const shard = shardOf(lane.tenantId, lane.destinationId, SHARDS);
    const store = this.stores[shard];
    if (store === undefined) throw new Error('there is such a shard');
    const producer = new BatchProducer(this.redis, store, {
      groupCommitMs: 0,
      onEnqueueError: (error) => {
        throw error;
      },
    });
    const known = new Set(await this.redis.zrange(`{lf-${shard}}:live:cloudwatch`, '0', '-1'));
    const fragments = messages.map((message, i) =>
      encodeFragment(lane, aLogEvent({ message, timeMs: timeMs + i })),
    );
    await producer.append(
      { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
      1,
    );
    await producer.close();
    const all = await this.redis.zrange(`{lf-${shard}}:live:cloudwatch`, '0', '-1');
    return all.find((id) => !known.has(id)) ?? '';
  }

  /** Dead letters whose attempts ran out, and whose jobs have failed. */
  async deadLetters(
    count: number,
    { tenantId = 'acme', destinationId = 'cw', code = 'cloudwatch.unavailable' }: Whose = {},
  ): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const id = `${tenantId}/${destinationId}/${i}`;
      const lane = aCloudWatchLane({ id, tenantId, destinationId, lingerMs: 0 });
      ids.push(await this.send(lane, [`first of ${i}`, `second of ${i}`]));
    }
    const shard = shardOf(tenantId, destinationId, SHARDS);
    for (const id of ids) await this.stores[shard]?.deadLetter(id, code, true);
    this.consume(() => Promise.reject(new Error('none of them is delivered')));
    const failed = `{lf-${shard}}:cloudwatch${shard === 0 ? '' : `-${shard}`}:failed`;
    const allFailed = async (): Promise<boolean> => {
      const scores = await Promise.all(ids.map((id) => this.redis.zscore(failed, id)));
      return scores.every((score) => score !== null);
    };
    await until(allFailed, { timeoutMs: 60_000 });
    await this.stopWorkers();
    return ids;
  }

  async sum(
    field: 'delivered' | 'waiting' | 'deadLettered' | 'discarded' | 'rejected',
  ): Promise<number> {
    const totals = await Promise.all(this.stores.map((store) => store.totals()));
    return totals.reduce((all, ledger) => all + ledger[field], 0);
  }
}
