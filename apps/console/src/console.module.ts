import { sinks } from '@logferry/core';
import {
  BatchStore,
  DeadLetters,
  connected,
  deadLetterState,
  failFastRedis,
  Holds,
  openQueues,
  redisResponds,
  Standings,
  type RedisClient,
} from '@logferry/queue';
import {
  BrokerClient,
  BrokerDesk,
  deadLetterGauges,
  HealthController,
  Metrics,
  openLogger,
  Readiness,
  type Logger,
} from '@logferry/runtime';
import { RunQueue } from '@logferry/sources';
import { AuditOutbox, ConfigStore, Directory, KeyUses } from '@logferry/store';
import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { AccountSetupController } from './account-setup.controller';
import { AccountSetupDesk } from './account-setup-desk';
import { AuditController } from './audit.controller';
import {
  AUDIT_FORWARDING,
  auditForwardingGauge,
  auditForwardingParts,
} from './audit-forwarding-parts';
import { ChannelPagesController } from './channel-pages.controller';
import { ChannelsController } from './channels.controller';
import { CONSOLE_CONFIG, loadConsoleConfig, type ConsoleConfig } from './config';
import { ConnectionController } from './connection.controller';
import { ConnectionDesk } from './connection-desk';
import { connectionParts } from './connection-parts';
import { ConnectionWatch } from './connection-watch';
import { configurationParts } from './configuration-parts';
import { DeadLetterDesk } from './dead-letter-desk';
import { DeadLettersController } from './dead-letters.controller';
import { DeadLettersPageController } from './dead-letters-page.controller';
import { Deliveries } from './deliveries';
import { DeliveriesController } from './deliveries.controller';
import { DerivedScopes } from './derived-scopes';
import { TenantLook } from './tenant-look';
import { DestinationFormController } from './destination-form.controller';
import { DestinationPagesController } from './destination-pages.controller';
import { DestinationsController } from './destinations.controller';
import { HeldDestinations } from './held-destinations';
import { HeldDestinationsController } from './held-destinations.controller';
import { INSTALLATION, InstallationController } from './installation.controller';
import { installationView } from './installation-view';
import { KeysController } from './keys.controller';
import { Login } from './login';
import { LoginController } from './login.controller';
import { NOTIFYING, notificationParts, WATCHING } from './notification-parts';
import { OpenApiController } from './openapi.controller';
import { LedgersController } from './ledgers.controller';
import { Ledgers } from './ledgers';
import {
  BATCH_STORES,
  OVERVIEW_PARTS,
  PagesController,
  type OverviewParts,
} from './pages.controller';
import { replayParts } from './replay-parts';
import { ReplaysController } from './replays.controller';
import { ResealController } from './reseal.controller';
import { sourceParts } from './source-parts';
import { SourcePagesController } from './source-pages.controller';
import { SourceRunsController } from './source-runs.controller';
import { SourcesController } from './sources.controller';
import { Stats } from './stats';
import { StatsController } from './stats.controller';
import { TenantPagesController } from './tenant-pages.controller';
import { TenantsController } from './tenants.controller';
import { VariablesController } from './variables.controller';
import { VariablesPageController } from './variables-page.controller';
import { WaitSurvey } from './wait-survey';

export const CONSOLE_LOG = Symbol('Logger');
export const QUEUES = Symbol('Queues');
const REDIS = Symbol('Redis');
const REDIS_TIMEOUT_MS = 5_000;

/** What goes on beside the requests. */
interface Background {
  start(): void;
  stop(): unknown;
}
const BACKGROUND = Symbol('Background');

/** What cannot be read is left out: a 0 would say that all is well. */
function heldGauge(metrics: Metrics, held: HeldDestinations): void {
  const gauge = metrics.gauge(
    'held_destinations',
    'Destinations to which nothing is delivered but a probe now and then',
    ['sink'],
    async () => {
      const counts = await Promise.all(
        sinks.map(async (sink) => [sink, await held.count(sink)] as const),
      ).catch(() => []);
      gauge.reset();
      for (const [sink, count] of counts) gauge.set({ sink }, count);
    },
  );
}

@Module({
  controllers: [
    LoginController,
    PagesController,
    DeadLettersPageController,
    SourcePagesController,
    ChannelPagesController,
    TenantPagesController,
    DestinationPagesController,
    DestinationFormController,
    VariablesPageController,
    DeadLettersController,
    HeldDestinationsController,
    TenantsController,
    DestinationsController,
    LedgersController,
    SourcesController,
    SourceRunsController,
    AccountSetupController,
    VariablesController,
    ChannelsController,
    ConnectionController,
    KeysController,
    AuditController,
    ReplaysController,
    ResealController,
    StatsController,
    DeliveriesController,
    InstallationController,
    OpenApiController,
    HealthController,
  ],
  providers: [
    ...configurationParts(REDIS, CONSOLE_LOG),
    ...connectionParts(REDIS, CONSOLE_LOG, Metrics),
    ...auditForwardingParts(REDIS, CONSOLE_LOG),
    ...notificationParts(REDIS, CONSOLE_LOG, Metrics),
    ...sourceParts(REDIS),
    ...replayParts(CONSOLE_LOG),
    {
      provide: BACKGROUND,
      inject: [
        ...[Directory, KeyUses, ConnectionWatch, AUDIT_FORWARDING, NOTIFYING, WATCHING],
        ...[BrokerDesk, BrokerClient, RunQueue],
      ],
      useFactory: (
        directory: Directory,
        uses: KeyUses,
        watch: ConnectionWatch,
        ...[forwarding, notifying, watching, ...closed]: [
          Background,
          Background,
          Background,
          ...{ close(): unknown }[],
        ]
      ): Background[] => [
        directory,
        uses,
        watch,
        forwarding,
        notifying,
        watching,
        ...closed.map((one) => ({ start: () => undefined, stop: () => one.close() })),
      ],
    },
    { provide: CONSOLE_CONFIG, useFactory: loadConsoleConfig },
    {
      provide: CONSOLE_LOG,
      inject: [CONSOLE_CONFIG],
      useFactory: ({ logLevel }: ConsoleConfig) => openLogger('console', logLevel),
    },
    {
      provide: REDIS,
      inject: [CONSOLE_CONFIG, CONSOLE_LOG],
      useFactory: async ({ redisUrl }: ConsoleConfig, log: Logger) => {
        // Somebody waits for every answer, above all while Redis is away.
        const redis = failFastRedis({ url: redisUrl }, REDIS_TIMEOUT_MS);
        redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
        await connected(redis);
        return redis;
      },
    },
    {
      provide: INSTALLATION,
      inject: [REDIS],
      useFactory: (redis: RedisClient) => () => installationView(redis),
    },
    {
      provide: QUEUES,
      inject: [REDIS, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, { shards }: ConsoleConfig) => openQueues(redis, shards),
    },
    {
      provide: BATCH_STORES,
      inject: [REDIS, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, { shards }: ConsoleConfig) =>
        Array.from({ length: shards }, (_, shard) => new BatchStore(redis, shard)),
    },
    {
      provide: DeadLetters,
      inject: [BATCH_STORES],
      useFactory: (stores: BatchStore[]) => new DeadLetters(stores),
    },
    {
      provide: DeadLetterDesk,
      inject: [DeadLetters, CONSOLE_CONFIG],
      useFactory: (deadLetters: DeadLetters, { readOnly }: ConsoleConfig) =>
        new DeadLetterDesk(deadLetters, readOnly),
    },
    {
      provide: HeldDestinations,
      inject: [REDIS, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, { shards }: ConsoleConfig) =>
        new HeldDestinations(Array.from({ length: shards }, (_, shard) => new Holds(redis, shard))),
    },
    {
      provide: OVERVIEW_PARTS,
      inject: [Ledgers, DerivedScopes, HeldDestinations, ConnectionDesk],
      useFactory: (
        ledgers: Ledgers,
        scopes: DerivedScopes,
        held: HeldDestinations,
        connections: ConnectionDesk,
      ): OverviewParts => ({ ledgers, scopes, held, connections }),
    },
    {
      provide: Deliveries,
      inject: [ConfigStore, QUEUES, DeadLetters, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        queues: ReturnType<typeof openQueues>,
        deadLetters: DeadLetters,
        { shards }: ConsoleConfig,
      ) => new Deliveries({ store, shards, queues, deadLetters }),
    },
    {
      provide: Stats,
      inject: [ConfigStore, Ledgers, HeldDestinations, QUEUES, REDIS, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        ledgers: Ledgers,
        held: HeldDestinations,
        ...[queues, redis, { shards }]: [ReturnType<typeof openQueues>, RedisClient, ConsoleConfig]
      ) => {
        const survey = new WaitSurvey(new Standings(redis, shards));
        return new Stats({ store, ledgers, held, queues, survey });
      },
    },
    {
      provide: TenantLook,
      inject: [ConfigStore, HeldDestinations, Ledgers, ConnectionDesk, AccountSetupDesk],
      useFactory: (
        store: ConfigStore,
        held: HeldDestinations,
        ledgers: Ledgers,
        ...[connections, setups]: [ConnectionDesk, AccountSetupDesk]
      ) => new TenantLook({ store, held, ledgers, connections, setups }),
    },
    {
      provide: Login,
      inject: [CONSOLE_CONFIG],
      useFactory: (config: ConsoleConfig) => new Login(config),
    },
    {
      provide: Metrics,
      inject: [CONSOLE_CONFIG, BATCH_STORES, DeadLetters, HeldDestinations, AuditOutbox],
      useFactory: (
        config: ConsoleConfig,
        stores: BatchStore[],
        deadLetters: DeadLetters,
        ...[held, outbox]: [HeldDestinations, AuditOutbox]
      ) => {
        const metrics = new Metrics('console', config.metricsToken);
        const rules = {
          retentionMs: config.deadLetterRetentionMs,
          tenantBytesMax: config.deadLetterTenantBytesMax,
        };
        deadLetterGauges(metrics, () => deadLetterState(deadLetters, rules));
        heldGauge(metrics, held);
        auditForwardingGauge(metrics, outbox);
        metrics.ledger(() => Promise.all(stores.map((store) => store.totals())));
        return metrics;
      },
    },
    {
      provide: Readiness,
      inject: [REDIS],
      useFactory: (redis: RedisClient) => new Readiness({ redis: () => redisResponds(redis) }),
    },
  ],
})
export class ConsoleModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(BACKGROUND) private readonly background: readonly Background[],
    @Inject(QUEUES) private readonly queues: ReturnType<typeof openQueues>,
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  onApplicationBootstrap(): void {
    for (const task of this.background) task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    for (const task of this.background) await task.stop();
    await Promise.all([this.deadLetters.close(), ...this.queues.map(({ queue }) => queue.close())]);
    this.redis.disconnect();
  }
}
