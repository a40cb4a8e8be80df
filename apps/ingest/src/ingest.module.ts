import { BatchProducer, BatchStore, failFastRedis, type RedisClient } from '@logferry/queue';
import { HealthController, Metrics, openLogger, Readiness, type Logger } from '@logferry/runtime';
import { ConfigStore, Directory } from '@logferry/store';
import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { AcceptLogEvents } from './accept-log-events';
import { INGEST_CONFIG, loadIngestConfig, type IngestConfig } from './config';
import { EventsController } from './events.controller';
import { Gate } from './gate';
import { IngestMetrics } from './ingest-metrics';
import { RedisWatch } from './redis-watch';
import { Router } from './router';

const LOG = Symbol('Logger');
const REDIS = Symbol('Redis');
const PRODUCERS = Symbol('BatchProducers');
export { LOG as INGEST_LOG };

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
      provide: PRODUCERS,
      inject: [INGEST_CONFIG, REDIS, LOG],
      useFactory: ({ shards, groupCommitMs }: IngestConfig, redis: RedisClient, log: Logger) =>
        Array.from({ length: shards }, (_, shard) => {
          const onEnqueueError = (error: unknown) =>
            log.warn({ err: error }, 'a job is left to the sweep');
          return new BatchProducer(redis, new BatchStore(redis, shard), {
            groupCommitMs,
            onEnqueueError,
          });
        }),
    },
    {
      provide: Directory,
      inject: [REDIS, LOG],
      useFactory: (redis: RedisClient, log: Logger) =>
        new Directory(new ConfigStore(redis), (error) =>
          log.debug({ err: error }, 'the directory cannot be refreshed'),
        ),
    },
    {
      provide: RedisWatch,
      inject: [INGEST_CONFIG, REDIS],
      useFactory: (
        { redisMemoryPercentMax, redisMemoryBytesMax }: IngestConfig,
        redis: RedisClient,
      ) =>
        new RedisWatch(redis, {
          memoryPercentMax: redisMemoryPercentMax,
          memoryBytesMax: redisMemoryBytesMax,
        }),
    },
    {
      provide: Gate,
      inject: [INGEST_CONFIG, Directory, RedisWatch],
      useFactory: (config: IngestConfig, directory: Directory, watch: RedisWatch) =>
        new Gate({
          ...config,
          authenticate: (key) => directory.authenticate(key),
          redisState: () => watch.state,
        }),
    },
    {
      provide: AcceptLogEvents,
      inject: [PRODUCERS, Directory],
      useFactory: (producers: BatchProducer[], directory: Directory) =>
        new AcceptLogEvents(producers, new Router(), (tenantId) => directory.tenant(tenantId)),
    },
    {
      provide: Metrics,
      inject: [INGEST_CONFIG],
      useFactory: ({ metricsToken }: IngestConfig) => new Metrics('ingest', metricsToken),
    },
    {
      provide: IngestMetrics,
      inject: [Metrics, LOG],
      useFactory: (metrics: Metrics, log: Logger) => new IngestMetrics(metrics, log),
    },
    {
      provide: Readiness,
      inject: [RedisWatch],
      useFactory: (watch: RedisWatch) => new Readiness({ redis: () => watch.state !== 'away' }),
    },
  ],
})
export class IngestModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(RedisWatch) private readonly watch: RedisWatch,
    @Inject(Directory) private readonly directory: Directory,
    @Inject(PRODUCERS) private readonly producers: BatchProducer[],
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  onApplicationBootstrap(): void {
    void this.watch.start();
    this.directory.start();
  }

  /** Nest has stopped listening and answered what was under way; what is left are the jobs of batches that are stored. */
  async onApplicationShutdown(): Promise<void> {
    this.watch.stop();
    this.directory.stop();
    await Promise.all(this.producers.map((producer) => producer.close()));
    this.redis.disconnect();
  }
}
