import { KeptBatches, Replays, type BatchStore } from '@logferry/queue';
import type { Logger } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { BATCH_STORES } from './pages.controller';
import { ReplayDesk } from './replay-desk';

/** What replays consist of at the console, for the module that knows the log by this token. */
export function replayParts(log: symbol) {
  return [
    {
      provide: ReplayDesk,
      inject: [ConfigStore, BATCH_STORES, CONSOLE_CONFIG, log],
      useFactory: (
        store: ConfigStore,
        stores: BatchStore[],
        ...[{ readOnly }, logger]: [ConsoleConfig, Logger]
      ) => {
        const shards = stores.map((of) => {
          const kept = new KeptBatches(of);
          return { kept, replays: new Replays(of, kept) };
        });
        return new ReplayDesk({ store, shards, log: logger, readOnly });
      },
    },
  ];
}
