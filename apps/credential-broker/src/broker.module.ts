import { sharedTransport, WebIdentitySts } from '@logferry/aws';
import { failFastRedis, redisResponds, type RedisClient } from '@logferry/queue';
import {
  ConfigError,
  HealthController,
  Metrics,
  openLogger,
  Readiness,
  type Logger,
} from '@logferry/runtime';
import { ConfigStore, Directory, Unreadable } from '@logferry/store';
import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { BROKER_LOG, BrokerController } from './broker.controller';
import { BROKER_CONFIG, loadBrokerConfig, type BrokerConfig } from './config';
import { IssueSession, sessionFetcher } from './issue-session';
import { Issuer, issuerProblem } from './issuer';
import { SessionCache } from './session-cache';
import { loadSigningKey } from './signing-key';

const REDIS = Symbol('Redis');

@Module({
  controllers: [BrokerController, HealthController],
  providers: [
    { provide: BROKER_CONFIG, useFactory: loadBrokerConfig },
    {
      provide: BROKER_LOG,
      inject: [BROKER_CONFIG],
      useFactory: ({ logLevel }: BrokerConfig) => openLogger('credential-broker', logLevel),
    },
    {
      provide: REDIS,
      inject: [BROKER_CONFIG, BROKER_LOG],
      useFactory: ({ redisUrl }: BrokerConfig, log: Logger) => {
        const redis = failFastRedis({ url: redisUrl });
        redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
        return redis;
      },
    },
    {
      provide: Directory,
      inject: [REDIS, BROKER_LOG],
      useFactory: (redis: RedisClient, log: Logger) =>
        new Directory(new ConfigStore(redis), (error) => {
          if (error instanceof Unreadable) log.error({ err: error }, error.message);
          else log.debug({ err: error }, 'the directory cannot be refreshed');
        }),
    },
    {
      provide: Issuer,
      inject: [BROKER_CONFIG],
      useFactory: async ({ issuerUrl, signingKeyFile }: BrokerConfig) => {
        const problem = issuerProblem(issuerUrl);
        if (problem !== undefined)
          throw new ConfigError([`LOGFERRY_BROKER_ISSUER_URL is ${issuerUrl}; it ${problem}`]);
        return new Issuer(issuerUrl, await loadSigningKey(signingKeyFile));
      },
    },
    {
      provide: Metrics,
      inject: [BROKER_CONFIG],
      useFactory: ({ metricsToken }: BrokerConfig) =>
        new Metrics('credential-broker', metricsToken),
    },
    {
      provide: SessionCache,
      inject: [BROKER_CONFIG, Issuer, Metrics, BROKER_LOG],
      useFactory: (...parts: [BrokerConfig, Issuer, Metrics, Logger]) => observedCache(...parts),
    },
    {
      provide: IssueSession,
      inject: [Directory, SessionCache],
      useFactory: (directory: Directory, sessions: SessionCache) =>
        new IssueSession(directory, sessions),
    },
    {
      provide: Readiness,
      inject: [REDIS],
      useFactory: (redis: RedisClient) => new Readiness({ redis: () => redisResponds(redis) }),
    },
  ],
})
export class BrokerModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(Directory) private readonly directory: Directory,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  onApplicationBootstrap(): void {
    this.directory.start();
  }

  onApplicationShutdown(): void {
    this.directory.stop();
    this.redis.disconnect();
  }
}

/** The session cache, with a log line and a count for every session that STS gives or refuses; never with the session itself. */
function observedCache(
  config: BrokerConfig,
  issuer: Issuer,
  metrics: Metrics,
  log: Logger,
): SessionCache {
  const fetch = sessionFetcher(
    issuer,
    new WebIdentitySts(sharedTransport({ requestTimeoutMs: config.stsTimeoutMs })),
  );
  const issued = metrics.counter('broker_sts_calls_total', 'Calls of STS, by outcome', ['outcome']);
  return new SessionCache({
    sessionsMax: config.sessionsMax,
    fetch: async (subject) => {
      try {
        const session = await fetch(subject);
        issued.inc({ outcome: 'issued' });
        log.info(
          { ...subject, expiresAt: new Date(session.expiresAt).toISOString() },
          'session issued',
        );
        return session;
      } catch (error) {
        issued.inc({ outcome: 'refused' });
        throw error;
      }
    },
    onRefreshError: (subject, error) =>
      log.warn(
        { ...subject, err: error },
        'a session could not be renewed ahead of its end; the one at hand goes on being used',
      ),
  });
}
