import type { RedisClient } from '@logferry/queue';
import { BrokerDesk } from '@logferry/runtime';
import { RunQueue, SourceRuns } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { SourceDesk } from './source-desk';
import { SourceRunDesk } from './source-run-desk';

/** What the API of sources consists of, for the module that knows Redis by this token. */
export function sourceParts(redisToken: symbol) {
  return [
    {
      provide: SourceRuns,
      inject: [redisToken],
      useFactory: (redis: RedisClient) => new SourceRuns(redis),
    },
    {
      provide: RunQueue,
      inject: [redisToken],
      useFactory: (redis: RedisClient) => new RunQueue(redis),
    },
    {
      provide: SourceDesk,
      inject: [ConfigStore, BrokerDesk, SourceRuns, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        broker: BrokerDesk,
        ...[runs, { auth0Domains, readOnly }]: [SourceRuns, ConsoleConfig]
      ) => new SourceDesk({ store, broker, runs, domains: auth0Domains, readOnly }),
    },
    {
      provide: SourceRunDesk,
      inject: [ConfigStore, SourceRuns, RunQueue, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        runs: SourceRuns,
        ...[queue, { readOnly }]: [RunQueue, ConsoleConfig]
      ) => new SourceRunDesk({ store, runs, queue, readOnly }),
    },
  ];
}
