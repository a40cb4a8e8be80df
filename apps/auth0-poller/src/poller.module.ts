import { NotificationQueue } from '@logferry/notifications';
import { patientRedis, redisResponds, type RedisClient } from '@logferry/queue';
import {
  brokerAddress,
  BrokerSourceTokens,
  HealthController,
  Metrics,
  openLogger,
  Readiness,
  type Logger,
} from '@logferry/runtime';
import { SourceRuns } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { loadAuth0PollerConfig, POLLER_CONFIG, POLLER_LOG, type Auth0PollerConfig } from './config';
import { PollerMetrics } from './poller-metrics';
import { PollerProcess } from './poller-process';

const REDIS = Symbol('Redis');

@Module({
  controllers: [HealthController],
  providers: [
    { provide: POLLER_CONFIG, useFactory: loadAuth0PollerConfig },
    {
      provide: POLLER_LOG,
      inject: [POLLER_CONFIG],
      useFactory: ({ logLevel }: Auth0PollerConfig) => openLogger('auth0-poller', logLevel),
    },
    {
      provide: REDIS,
      inject: [POLLER_CONFIG, POLLER_LOG],
      useFactory: ({ redisUrl }: Auth0PollerConfig, log: Logger) => {
        const redis = patientRedis({ url: redisUrl });
        redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
        return redis;
      },
    },
    {
      provide: Metrics,
      inject: [POLLER_CONFIG],
      useFactory: ({ metricsToken }: Auth0PollerConfig) =>
        new Metrics('auth0-poller', metricsToken),
    },
    {
      provide: PollerProcess,
      inject: [POLLER_CONFIG, POLLER_LOG, REDIS, Metrics],
      useFactory: (...parts: [Auth0PollerConfig, Logger, RedisClient, Metrics]): PollerProcess => {
        const [config, log, redis, metrics] = parts;
        return new PollerProcess({
          config,
          log,
          redis,
          store: new ConfigStore(redis),
          tokens: new BrokerSourceTokens(brokerAddress(config)),
          notifications: new NotificationQueue(redis),
          runs: new SourceRuns(redis),
          metrics: new PollerMetrics(metrics),
        });
      },
    },
    {
      provide: Readiness,
      inject: [REDIS],
      useFactory: (redis: RedisClient) => new Readiness({ redis: () => redisResponds(redis) }),
    },
  ],
})
export class PollerModule implements OnApplicationShutdown {
  constructor(
    @Inject(PollerProcess) private readonly poller: PollerProcess,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.poller.close();
    this.redis.disconnect();
  }
}
