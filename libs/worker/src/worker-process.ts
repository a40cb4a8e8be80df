import { destinationKey, shardOf, type Sink } from '@logferry/core';
import {
  BatchConsumer,
  BatchStore,
  DeadLetterRetention,
  DeadLetters,
  deadLetterState,
  patientRedis,
  RedisMemory,
  redisResponds,
  type Deliver,
  type RedisClient,
} from '@logferry/queue';
import {
  brokerAddress,
  BrokerClient,
  deadLetterGauges,
  DeadLetterObserver,
  DeliveryObserver,
  Metrics,
  openLogger,
  Readiness,
  type ConfigOf,
  type HttpAppParts,
  type Logger,
  type workerSettings,
} from '@logferry/runtime';
import { ConfigStore, Directory, Unreadable } from '@logferry/store';
import { Keeping } from './keeping';

export type WorkerConfig = ConfigOf<ReturnType<typeof workerSettings>>;

/** What a worker writes the batches of a shard with. */
interface DeliverParts {
  directory: Directory;
  broker: BrokerClient;
  redis: RedisClient;
  metrics: Metrics;
  shard: number;
}

interface WorkerPlan {
  app: string;
  sink: Sink;
  config: WorkerConfig;
  /** Builds the one thing that workers differ in: how a batch is written. */
  deliver: (parts: DeliverParts) => Deliver;
}

/** A worker of either sink: it takes batches from its queues and delivers them. Everything that it holds is made here. */
export class WorkerProcess {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  private readonly redis: RedisClient;
  private readonly directory: Directory;
  private readonly broker: BrokerClient;
  private readonly deadLetters: DeadLetters;
  private readonly retention: DeadLetterRetention;
  private readonly memory: RedisMemory;
  private readonly keeping: Keeping;
  private readonly consumers: readonly BatchConsumer[];

  constructor(private readonly plan: WorkerPlan) {
    const { app, config, sink } = plan;
    this.log = openLogger(app, config.logLevel);
    this.metrics = new Metrics(app, config.metricsToken);
    this.redis = patientRedis({ url: config.redisUrl });
    this.redis.on('error', (error: Error) => this.log.debug({ err: error }, 'redis'));
    this.readiness = new Readiness({ redis: () => redisResponds(this.redis) });
    this.directory = new Directory(
      new ConfigStore(this.redis),
      (error) => {
        if (error instanceof Unreadable) this.log.error({ err: error }, error.message);
        else this.log.debug({ err: error }, 'the directory cannot be refreshed');
      },
      (tenantId) => void this.probeNow(tenantId).catch((error: unknown) => this.noProbe(error)),
    );
    this.broker = new BrokerClient(brokerAddress(config));
    this.memory = new RedisMemory(this.redis);
    const { concurrency, attemptsMax, holdWindowMs, holdMemoryPercentMax, shards } = config;
    const observer = new DeliveryObserver(this.metrics, this.log);
    const stores = Array.from(
      { length: config.shards },
      (_, shard) => new BatchStore(this.redis, shard),
    );
    this.deadLetters = new DeadLetters(stores);
    this.retention = this.startRetention();
    this.keeping = new Keeping({
      ...{ sink, stores, config },
      redis: this.redis,
      memory: this.memory,
      directory: this.directory,
      metrics: this.metrics,
      log: this.log,
    });
    this.consumers = stores.map((store) => {
      const { shard } = store;
      const { directory, broker, redis, metrics } = this;
      const deliver = plan.deliver({ directory, broker, redis, metrics, shard });
      return new BatchConsumer(this.redis, store, deliver, {
        sink,
        concurrency,
        attemptsMax,
        hold: {
          windowMs: holdWindowMs,
          tenantBytesMax: () => (this.memory.bytes * holdMemoryPercentMax) / 100 / shards,
        },
        keep: this.keeping.room,
        observer,
      });
    });
    this.directory.start();
    this.memory.start();
  }

  get parts(): HttpAppParts {
    const { host, port, shutdownDeadlineMs } = this.plan.config;
    return { log: this.log, host, port, shutdownDeadlineMs };
  }

  private startRetention(): DeadLetterRetention {
    const { deadLetterRetentionMs, deadLetterTenantBytesMax } = this.plan.config;
    const rules = {
      retentionMs: deadLetterRetentionMs,
      tenantBytesMax: deadLetterTenantBytesMax,
    };
    deadLetterGauges(this.metrics, async () => {
      // Commands of a worker wait for Redis as long as it takes; a scrape must not.
      if (!(await redisResponds(this.redis))) throw new Error('Redis does not answer');
      return deadLetterState(this.deadLetters, rules);
    });
    const observer = new DeadLetterObserver(this.metrics, this.log);
    return new DeadLetterRetention(this.deadLetters, rules, observer);
  }

  /** What was changed about a tenant may be what its held destinations wait for. */
  private async probeNow(tenantId: string | undefined): Promise<void> {
    if (tenantId === undefined) {
      await Promise.all(this.consumers.map((consumer) => consumer.probeNow()));
      return;
    }
    const record = await this.directory.tenant(tenantId);
    for (const { id } of record?.destinations ?? []) {
      const shard = shardOf(tenantId, id, this.consumers.length);
      await this.consumers[shard]?.probeNow(destinationKey(tenantId, id));
    }
  }

  private noProbe(error: unknown): void {
    this.log.debug({ err: error }, 'held destinations wait for their next probe');
  }

  async close(): Promise<void> {
    const { shutdownDeadlineMs } = this.plan.config;
    this.retention.stop();
    await Promise.all(this.consumers.map((consumer) => consumer.close(shutdownDeadlineMs)));
    this.directory.stop();
    this.memory.stop();
    this.broker.close();
    // Not awaited: nothing of it is under way any more, and without Redis it would not end.
    for (const part of [this.deadLetters, this.keeping])
      void part.close().catch((error: unknown) => this.log.debug({ err: error }, 'queue'));
    this.redis.disconnect();
  }
}
