import {
  BatchProducer,
  BatchStore,
  failFastRedis,
  SharedRates,
  type RedisClient,
} from '@logferry/queue';
import { HealthController, Metrics, openLogger, Readiness, type Logger } from '@logferry/runtime';
import { ConfigStore, Directory, KeyUses, Unreadable } from '@logferry/store';
import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { AcceptLogEvents } from './accept-log-events';
import { INGEST_CONFIG, loadIngestConfig, type IngestConfig } from './config';
import { DurableAppender } from './durable-appender';
import { EventsController } from './events.controller';
import { Gate } from './gate';
import { IngestMetrics } from './ingest-metrics';
import { KeyRates } from './key-rates';
import { keyedHash } from './keyed-hash';
import { RedisWatch } from './redis-watch';
import { Router } from './router';
import { TenantBacklog } from './tenant-backlog';
import { Tenants } from './tenants';

const LOG = Symbol('Logger');
const REDIS = Symbol('Redis');
const STORES = Symbol('BatchStores');
const PRODUCERS = Symbol('BatchProducers');
export { LOG as INGEST_LOG };

/** What goes on beside the requests. */
interface Background {
  start?(): unknown;
  stop(): unknown;
}
const BACKGROUND = Symbol('Background');

@Module({
  controllers: [EventsController, HealthController],
  providers: [
    { provide: INGEST_CONFIG, useFactory: loadIngestConfig },
    {
      provide: LOG,
      inject: [INGEST_CONFIG],
      useFactory: ({ logLevel }: IngestConfig) => openLogger('ingest', logLevel),
    },
    {
      provide: REDIS,
      inject: [INGEST_CONFIG, LOG],
      useFactory: ({ redisUrl, redisTimeoutMs }: IngestConfig, log: Logger) => {
        const redis = failFastRedis({ url: redisUrl }, redisTimeoutMs);
        redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
        return redis;
      },
    },
    {
      provide: STORES,
      inject: [INGEST_CONFIG, REDIS],
      useFactory: ({ shards }: IngestConfig, redis: RedisClient) =>
        Array.from({ length: shards }, (_, shard) => new BatchStore(redis, shard)),
    },
    {
      provide: TenantBacklog,
      inject: [INGEST_CONFIG, STORES, RedisWatch],
      useFactory: (
        { tenantMemoryPercentMax, shards }: IngestConfig,
        stores: BatchStore[],
        watch: RedisWatch,
      ) =>
        new TenantBacklog(
          stores,
          () => (watch.memoryBytes * tenantMemoryPercentMax) / 100 / shards,
        ),
    },
    {
      provide: Tenants,
      inject: [Directory, TenantBacklog],
      useFactory: (directory: Directory, backlog: TenantBacklog) => new Tenants(directory, backlog),
    },
    {
      provide: PRODUCERS,
      inject: [INGEST_CONFIG, STORES, TenantBacklog, LOG],
      useFactory: (
        { groupCommitMs }: IngestConfig,
        stores: BatchStore[],
        backlog: TenantBacklog,
        log: Logger,
      ) =>
        stores.map(
          (store) =>
            new BatchProducer(store.redis, store, {
              groupCommitMs,
              onEnqueueError: (error) => log.warn({ err: error }, 'a job is left to the sweep'),
              tenantBytesMax: () => backlog.bytesMax(),
              onTenantFull: (tenantId) => backlog.noteFull(tenantId),
            }),
        ),
    },
    {
      provide: Directory,
      inject: [REDIS, LOG],
      useFactory: (redis: RedisClient, log: Logger) =>
        new Directory(new ConfigStore(redis), (error) => {
          if (error instanceof Unreadable)
            log.error({ err: error }, 'nothing is taken for a tenant');
          else log.debug({ err: error }, 'the directory cannot be refreshed');
        }),
    },
    {
      provide: RedisWatch,
      inject: [INGEST_CONFIG, REDIS, LOG],
      useFactory: (config: IngestConfig, redis: RedisClient, log: Logger) =>
        new RedisWatch(redis, {
          shards: config.shards,
          memoryPercentMax: config.redisMemoryPercentMax,
          memoryBytesMax: config.redisMemoryBytesMax,
          durability: config.durability,
          appendfsync: config.redisAppendfsync,
          onChange: (problems) => {
            for (const problem of problems) log.warn(problem);
            if (problems.length === 0) log.info('Redis is as it should be');
          },
        }),
    },
    {
      provide: KeyRates,
      inject: [INGEST_CONFIG, REDIS],
      useFactory: (config: IngestConfig, redis: RedisClient) => {
        const shared = new SharedRates(redis);
        return new KeyRates({
          defaults: {
            logEventsPerSecond: config.keyLogEventsPerSecond,
            bytesPerSecond: config.keyBytesPerSecond,
          },
          burstMs: config.keyBurstMs,
          use: (uses) => shared.use(uses),
        });
      },
    },
    {
      provide: KeyUses,
      inject: [REDIS, LOG],
      useFactory: (redis: RedisClient, log: Logger) =>
        new KeyUses(redis, (error) => log.debug({ err: error }, 'uses of keys are not noted')),
    },
    {
      provide: BACKGROUND,
      inject: [RedisWatch, Tenants, KeyRates, KeyUses],
      useFactory: (...tasks: Background[]) => tasks,
    },
    {
      provide: Gate,
      inject: [INGEST_CONFIG, Directory, RedisWatch, KeyRates, IngestMetrics, KeyUses],
      useFactory: (
        config: IngestConfig,
        directory: Directory,
        watch: RedisWatch,
        ...[rates, metrics, uses]: [KeyRates, IngestMetrics, KeyUses]
      ) =>
        new Gate({
          ...config,
          rates,
          onRateLimited: () => metrics.rateLimited(),
          onKeyUsed: (keyId) => uses.note(keyId),
          authenticate: (key) => directory.authenticate(key),
          redisState: () => watch.state,
        }),
    },
    {
      provide: AcceptLogEvents,
      inject: [PRODUCERS, Router, Tenants, RedisWatch],
      useFactory: (
        producers: BatchProducer[],
        router: Router,
        ...[tenants, watch]: [Tenants, RedisWatch]
      ) =>
        new AcceptLogEvents(
          producers.map((producer) => new DurableAppender(producer, watch)),
          router,
          tenants,
        ),
    },
    {
      provide: Router,
      inject: [INGEST_CONFIG, LOG],
      useFactory: ({ redactionKey: key }: IngestConfig, log: Logger) =>
        new Router({
          hashOf: key && ((tenantId) => keyedHash(key, tenantId)),
          onNoKey: (tenantId, destinationId) =>
            log.warn(
              { tenantId, destinationId },
              'values are masked instead of hashed: LOGFERRY_INGEST_REDACTION_KEY is not set',
            ),
        }),
    },
    {
      provide: Metrics,
      inject: [INGEST_CONFIG],
      useFactory: ({ metricsToken }: IngestConfig) => new Metrics('ingest', metricsToken),
    },
    {
      provide: IngestMetrics,
      inject: [Metrics, RedisWatch, LOG],
      useFactory: (metrics: Metrics, watch: RedisWatch, log: Logger) =>
        new IngestMetrics(metrics, watch, log),
    },
    {
      provide: Readiness,
      inject: [RedisWatch],
      useFactory: (watch: RedisWatch) => new Readiness({ redis: () => watch.isReady }),
    },
  ],
})
export class IngestModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(BACKGROUND) private readonly background: readonly Background[],
    @Inject(PRODUCERS) private readonly producers: BatchProducer[],
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await Promise.all(this.background.map((task) => task.start?.()));
  }

  /** Nest has stopped listening and answered what was under way; what is left are the jobs of batches that are stored. */
  async onApplicationShutdown(): Promise<void> {
    for (const task of this.background) await task.stop();
    await Promise.all(this.producers.map((producer) => producer.close()));
    this.redis.disconnect();
  }
}
