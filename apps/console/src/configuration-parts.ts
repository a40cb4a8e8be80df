import { SharedRates, type BatchStore, type RedisClient } from '@logferry/queue';
import { brokerAddress, BrokerDesk, type Logger } from '@logferry/runtime';
import { SourceRuns } from '@logferry/sources';
import { AuditTrail, ConfigStore, Directory, KeyUses } from '@logferry/store';
import { KeyHolders } from './caller';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { ConnectionDesk } from './connection-desk';
import { DerivedScopes } from './derived-scopes';
import {
  DestinationDesk,
  type DestinationCheck,
  type DestinationDeskParts,
} from './destination-desk';
import { KeyDesk } from './key-desk';
import { BATCH_STORES } from './pages.controller';
import { LedgerDesk } from './ledger-desk';
import { Ledgers } from './ledgers';
import { TenantDesk } from './tenant-desk';
import { VariablesDesk } from './variables-desk';
import { WaitingLogEvents } from './waiting-log-events';
import { WriteRates } from './write-rates';

/** What may speak against switching a destination on. */
export const DESTINATION_CHECK = Symbol('DestinationCheck');

const DAY_MS = 86_400_000;

/** What the API of the configuration consists of, for the module that knows Redis and the log by these tokens. */
export function configurationParts(redisToken: symbol, logToken: symbol) {
  return [
    {
      provide: ConfigStore,
      inject: [redisToken, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, config: ConsoleConfig) =>
        new ConfigStore(redis, {
          entriesMax: config.auditEntriesMax,
          tenantEntriesMax: config.auditTenantEntriesMax,
          keepMs: config.auditDays * DAY_MS,
        }),
    },
    {
      provide: AuditTrail,
      inject: [redisToken, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, { auditDays }: ConsoleConfig) =>
        new AuditTrail(redis, auditDays * DAY_MS),
    },
    {
      provide: Directory,
      inject: [ConfigStore, logToken],
      useFactory: (store: ConfigStore, log: Logger) =>
        new Directory(store, (error) => log.debug({ err: error }, 'keys cannot be refreshed')),
    },
    {
      provide: KeyUses,
      inject: [redisToken, logToken],
      useFactory: (redis: RedisClient, log: Logger) =>
        new KeyUses(redis, (error) => log.debug({ err: error }, 'uses of keys are not noted')),
    },
    {
      provide: KeyHolders,
      inject: [Directory, KeyUses, WriteRates],
      useFactory: (directory: Directory, uses: KeyUses, writes: WriteRates) =>
        new KeyHolders(directory, (keyId) => uses.note(keyId), writes),
    },
    {
      provide: WriteRates,
      inject: [redisToken, CONSOLE_CONFIG],
      useFactory: (redis: RedisClient, { tenantWritesPerSecond }: ConsoleConfig) =>
        new WriteRates(new SharedRates(redis), tenantWritesPerSecond),
    },
    {
      provide: WaitingLogEvents,
      inject: [BATCH_STORES],
      useFactory: (stores: BatchStore[]) => new WaitingLogEvents(stores),
    },
    {
      provide: DerivedScopes,
      inject: [ConfigStore],
      useFactory: (store: ConfigStore) => new DerivedScopes(store),
    },
    {
      provide: Ledgers,
      inject: [BATCH_STORES],
      useFactory: (stores: BatchStore[]) => new Ledgers(stores),
    },
    {
      provide: BrokerDesk,
      inject: [CONSOLE_CONFIG],
      useFactory: (config: ConsoleConfig) => new BrokerDesk(brokerAddress(config)),
    },
    {
      provide: DESTINATION_CHECK,
      inject: [ConnectionDesk],
      useFactory: ({ mayEnable }: ConnectionDesk): DestinationCheck => mayEnable,
    },
    ...desks,
  ];
}

const desks = [
  {
    provide: TenantDesk,
    inject: [ConfigStore, WaitingLogEvents, SourceRuns, CONSOLE_CONFIG],
    useFactory: (
      ...[store, waiting, runs, config]: [ConfigStore, WaitingLogEvents, SourceRuns, ConsoleConfig]
    ) =>
      new TenantDesk(store, waiting, runs, {
        readOnly: config.readOnly,
        forwardsAuditTrail: config.ingestUrl !== undefined,
      }),
  },
  writingDestinations(DestinationDesk),
  writingDestinations(VariablesDesk),
  {
    provide: LedgerDesk,
    inject: [ConfigStore, Ledgers],
    useFactory: (store: ConfigStore, ledgers: Ledgers) => new LedgerDesk(store, ledgers),
  },
  {
    provide: KeyDesk,
    inject: [ConfigStore, KeyUses, CONSOLE_CONFIG],
    useFactory: (store: ConfigStore, uses: KeyUses, { readOnly }: ConsoleConfig) =>
      new KeyDesk(store, uses, readOnly),
  },
];

function writingDestinations<D>(Desk: new (parts: DestinationDeskParts) => D) {
  return {
    provide: Desk,
    inject: [ConfigStore, WaitingLogEvents, BrokerDesk, DESTINATION_CHECK, CONSOLE_CONFIG],
    useFactory: (
      store: ConfigStore,
      waiting: WaitingLogEvents,
      broker: BrokerDesk,
      ...[check, { readOnly }]: [DestinationCheck, ConsoleConfig]
    ) => new Desk({ store, waiting, broker, check, readOnly }),
  };
}
