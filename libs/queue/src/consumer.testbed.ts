// A producer and a consumer on a real Redis, for the tests that ask what becomes of a batch.
import { imbalance, type FailureCode, type Lane, type Ledger } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, startRedis, until, type TestRedis } from '@logferry/testing';
import type { Job, Queue } from 'bullmq';
import { BatchStore } from './batch-store';
import { openQueue } from './catalog';
import { BatchConsumer, type Deliver, type DeliveryOutcome } from './consumer';
import { encodeFragment } from './fragment';
import type { HoldLimits } from './hold-keeper';
import { BatchProducer } from './producer';
import { failFastRedis, patientRedis, type RedisClient } from './redis-connection';

/** What a consumer told its observer. */
export interface Seen {
  delivered: string[];
  failures: [FailureCode, string][];
  /** Why destinations were held, one by one. */
  held: FailureCode[];
  resumed: string[];
  errors: unknown[];
}

interface ConsumeOptions {
  hold?: Partial<HoldLimits>;
  concurrency?: number;
  attemptsMax?: number;
  store?: BatchStore;
  /** Errors are what the test is about, instead of what ends it. */
  expectsErrors?: boolean;
}

export const allDelivered: DeliveryOutcome = { rejected: [] };

/** A lane whose batches are due at once. */
export const quick = aCloudWatchLane({ lingerMs: 0 });

/** Starts a Redis for all tests of a file, and empties it before each. */
export function useConsumerTestbed(): ConsumerTestbed {
  const bed = new ConsumerTestbed();
  beforeAll(() => bed.start());
  beforeEach(() => bed.reset());
  afterEach(() => bed.stopConsumers());
  afterAll(() => bed.stop());
  return bed;
}

export class ConsumerTestbed {
  store!: BatchStore;
  queue!: Queue;
  redis!: RedisClient;
  private producerRedis!: RedisClient;
  private server!: TestRedis;
  private producer!: BatchProducer;
  private consumers: BatchConsumer[] = [];

  async start(): Promise<void> {
    this.server = await startRedis({ settings: { appendonly: 'no' } });
    this.producerRedis = failFastRedis(this.server, 20_000);
    this.redis = patientRedis(this.server);
    this.store = new BatchStore(this.producerRedis, 0);
    await until(() => this.producerRedis.status === 'ready');
  }

  async reset(): Promise<void> {
    await this.redis.flushall();
    this.producer = new BatchProducer(this.producerRedis, this.store, {
      groupCommitMs: 1,
      onEnqueueError: raise,
    });
    this.queue = openQueue(this.redis, 'cloudwatch', 0);
  }

  async stopConsumers(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.close(1_000)));
    this.consumers = [];
    await this.producer.close();
    await this.queue.close();
  }

  async stop(): Promise<void> {
    this.producerRedis.disconnect();
    this.redis.disconnect();
    await this.server.stop();
  }

  /** Starts a consumer; the test's end stops it. */
  consume(deliver: Deliver, options: ConsumeOptions = {}): Seen {
    const { concurrency = 4, attemptsMax = 2, expectsErrors = false } = options;
    const { store = new BatchStore(this.redis, 0) } = options;
    const seen: Seen = { delivered: [], failures: [], held: [], resumed: [], errors: [] };
    this.consumers.push(
      new BatchConsumer(this.redis, store, deliver, {
        sink: 'cloudwatch',
        concurrency,
        attemptsMax,
        hold: { windowMs: Infinity, tenantBytesMax: () => Infinity, ...options.hold },
        observer: {
          delivered: (batch) => void seen.delivered.push(batch.id),
          failed: (_, { code }, next) => void seen.failures.push([code, next]),
          held: (_, { code }) => void seen.held.push(code),
          resumed: ({ destinationId }) => void seen.resumed.push(destinationId),
          error: (error) => {
            seen.errors.push(error);
            if (!expectsErrors) raise(error);
          },
        },
      }),
    );
    return seen;
  }

  /** Stops the only consumer as SIGTERM does. */
  async closeConsumer(deadlineMs: number): Promise<void> {
    const [consumer] = this.consumers.splice(0, 1);
    await consumer?.close(deadlineMs);
  }

  async send(count: number, lane: Lane = quick): Promise<void> {
    const fragments = Array.from({ length: count }, (_, i) =>
      encodeFragment(lane, aLogEvent({ timeMs: Date.UTC(2026, 10, 21) + i, message: `m${i}` })),
    );
    await this.producer.append(
      { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
      count,
    );
  }

  ledger(destinationId = 'cw'): Promise<Ledger> {
    return this.store.ledger('acme', destinationId);
  }

  /** Waits until the ledger shows these counts, and checks that it balances. */
  async ledgerShows(
    want: Partial<Omit<Ledger, 'rejectedBy'>>,
    destinationId = 'cw',
  ): Promise<void> {
    const names = Object.keys(want) as (keyof typeof want)[];
    const shows = async (): Promise<boolean> => {
      const found = await this.ledger(destinationId);
      expect(imbalance(found)).toBe(0);
      return names.every((name) => found[name] === want[name]);
    };
    await until(shows, { what: `the ledger shows ${JSON.stringify(want)}`, timeoutMs: 15_000 });
  }

  async failedJobs(count: number): Promise<Job[]> {
    return until(async () => {
      const failed = await this.queue.getFailed();
      return failed.length === count && failed;
    });
  }
}

function raise(error: unknown): never {
  throw error;
}
