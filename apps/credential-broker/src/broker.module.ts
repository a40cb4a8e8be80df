import {
  openDataKey,
  PlatformIdentitySts,
  sessionPolicies,
  sharedTransport,
  WebIdentitySts,
} from '@logferry/aws';
import { connected, failFastRedis, redisResponds, type RedisClient } from '@logferry/queue';
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
import { BrokerUpkeep } from './broker-upkeep';
import { BrokerController } from './broker.controller';
import { BROKER_CONFIG, BROKER_LOG, loadBrokerConfig, type BrokerConfig } from './config';
import { ChannelController } from './channel.controller';
import { DeskController } from './desk.controller';
import { ExternalIds } from './external-ids';
import { IssueSession } from './issue-session';
import { Issuer, issuerProblem } from './issuer';
import { OpenChannel } from './open-channel';
import { RequestGate } from './request-gate';
import { Sealing } from './sealing';
import { readSealingKeys, type OpenWrapped } from './sealing-keys';
import { SessionCache } from './session-cache';
import { sessionFetcher, type SessionFetcherParts } from './session-fetcher';
import { SessionObserver } from './session-observer';
import { SigningKeys } from './signing-keys';
import { tokenSourceOf, tokenSourceWarnings } from './token-source';
import { SourceTokenController } from './source-token.controller';
import { SourceTokens } from './source-tokens';
import { StsTurns } from './sts-turns';
import { TryDecoys } from './try-decoys';

const DAY_MS = 86_400_000;
/** STS waits for our documents about as long. */
const DOCUMENTS_TIMEOUT_MS = 5_000;

/** The poller waits for a token of Auth0 about as long. */
const AUTH0_TIMEOUT_MS = 10_000;

const REDIS = Symbol('Redis');
/** The ways to a session of a role. */
const STS = Symbol('Sts');

@Module({
  controllers: [
    BrokerController,
    ChannelController,
    DeskController,
    SourceTokenController,
    HealthController,
  ],
  providers: [
    { provide: BROKER_CONFIG, useFactory: loadBrokerConfig },
    {
      provide: BROKER_LOG,
      inject: [BROKER_CONFIG],
      useFactory: ({ logLevel }: BrokerConfig) => openLogger('credential-broker', logLevel),
    },
    {
      provide: RequestGate,
      inject: [BROKER_CONFIG, BROKER_LOG],
      useFactory: ({ secret }: BrokerConfig, log: Logger) => new RequestGate(secret, log),
    },
    {
      provide: REDIS,
      inject: [BROKER_CONFIG, BROKER_LOG],
      useFactory: async ({ redisUrl }: BrokerConfig, log: Logger) => {
        const redis = failFastRedis({ url: redisUrl });
        redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
        await connected(redis);
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
      inject: [BROKER_CONFIG, SigningKeys],
      useFactory: ({ issuerUrl, sessionTagging }: BrokerConfig, keys: SigningKeys) => {
        const problem = issuerProblem(issuerUrl);
        if (problem !== undefined)
          throw new ConfigError([`LOGFERRY_BROKER_ISSUER_URL is ${issuerUrl}; it ${problem}`]);
        return new Issuer(issuerUrl, keys, sessionTagging);
      },
    },
    {
      provide: SigningKeys,
      inject: [BROKER_CONFIG],
      useFactory: ({ signingKeysDir, signingAlgorithm, signingKeyDays }: BrokerConfig) =>
        SigningKeys.open({
          dir: signingKeysDir,
          algorithm: signingAlgorithm,
          rotateAfterMs: signingKeyDays * DAY_MS,
        }),
    },
    {
      provide: Metrics,
      inject: [BROKER_CONFIG],
      useFactory: ({ metricsToken }: BrokerConfig) =>
        new Metrics('credential-broker', metricsToken),
    },
    {
      provide: StsTurns,
      inject: [BROKER_CONFIG],
      useFactory: ({ stsCallsPerSecond, stsConcurrency }: BrokerConfig) =>
        new StsTurns({ callsPerSecond: stsCallsPerSecond, concurrencyMax: stsConcurrency }),
    },
    {
      provide: SessionCache,
      inject: [BROKER_CONFIG, STS, SessionObserver, StsTurns],
      useFactory: (
        { sessionsMax }: BrokerConfig,
        sts: SessionFetcherParts,
        ...[observer, turns]: [SessionObserver, StsTurns]
      ) =>
        new SessionCache({
          sessionsMax,
          turns,
          fetch: observer.observed(sessionFetcher(sts)),
          onRefreshError: (subject, error) => observer.notRenewed(subject, error),
        }),
    },
    {
      provide: SessionObserver,
      inject: [Metrics, BROKER_LOG],
      useFactory: (metrics: Metrics, log: Logger) => new SessionObserver(metrics, log),
    },
    {
      provide: STS,
      inject: [BROKER_CONFIG, Issuer, BROKER_LOG],
      useFactory: (config: BrokerConfig, own: Issuer, log: Logger): SessionFetcherParts => {
        const { stsTimeoutMs, sessionTagging } = config;
        const transport = sharedTransport({ requestTimeoutMs: stsTimeoutMs });
        const tokens = tokenSourceOf(config, own);
        for (const warning of tokenSourceWarnings(config, tokens)) log.warn(warning);
        return {
          tokens,
          tagging: sessionTagging,
          webIdentity: new WebIdentitySts(transport),
          platformIdentity: new PlatformIdentitySts(transport),
        };
      },
    },
    {
      provide: Sealing,
      inject: [BROKER_CONFIG],
      useFactory: async ({ sealingKeys, stsTimeoutMs }: BrokerConfig) => {
        const transport = sharedTransport({ requestTimeoutMs: stsTimeoutMs });
        const open: OpenWrapped = (wrapped) => openDataKey(transport, wrapped);
        return new Sealing(await readSealingKeys(sealingKeys, open));
      },
    },
    {
      provide: OpenChannel,
      inject: [REDIS, Sealing],
      useFactory: (redis: RedisClient, sealing: Sealing) =>
        new OpenChannel(new ConfigStore(redis), sealing),
    },
    {
      provide: ExternalIds,
      inject: [BROKER_CONFIG],
      useFactory: ({ externalIdSecret }: BrokerConfig) => new ExternalIds(externalIdSecret),
    },
    {
      provide: TryDecoys,
      inject: [STS, StsTurns],
      useFactory: (sts: SessionFetcherParts, turns: StsTurns) => new TryDecoys({ ...sts, turns }),
    },
    {
      provide: IssueSession,
      inject: [Directory, SessionCache, Sealing, ExternalIds, BROKER_CONFIG, SessionObserver],
      useFactory: (
        ...parts: [Directory, SessionCache, Sealing, ExternalIds, BrokerConfig, SessionObserver]
      ): IssueSession => {
        const [directory, sessions, sealing, externalIds, config, observer] = parts;
        const { narrowSessions } = config;
        const policies = narrowSessions ? sessionPolicies : () => [];
        return new IssueSession({
          directory,
          sessions,
          sealing,
          externalIds,
          policies,
          onAnswer: (answer) => observer.answered(answer),
        });
      },
    },
    {
      provide: SourceTokens,
      inject: [Directory, Sealing, BROKER_CONFIG, BROKER_LOG],
      useFactory: (directory: Directory, sealing: Sealing, config: BrokerConfig, log: Logger) =>
        new SourceTokens({
          directory,
          sealing,
          reach: { domains: config.auth0Domains, endpointUrl: config.auth0EndpointUrl },
          timeoutMs: AUTH0_TIMEOUT_MS,
          onRefreshError: (error) =>
            log.warn({ err: error }, 'a token of Auth0 was not renewed; the one at hand goes on'),
        }),
    },
    {
      provide: BrokerUpkeep,
      inject: [SigningKeys, Issuer, Metrics, BROKER_LOG],
      useFactory: (keys: SigningKeys, issuer: Issuer, metrics: Metrics, log: Logger) =>
        new BrokerUpkeep({ keys, issuer, metrics, log, timeoutMs: DOCUMENTS_TIMEOUT_MS }),
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
    @Inject(BrokerUpkeep) private readonly upkeep: BrokerUpkeep,
  ) {}

  onApplicationBootstrap(): void {
    this.directory.start();
    this.upkeep.start();
  }

  onApplicationShutdown(): void {
    this.directory.stop();
    this.upkeep.stop();
    this.redis.disconnect();
  }
}
