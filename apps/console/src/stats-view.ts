import { sinks } from '@logferry/core';
import { z } from 'zod';
import { LedgerView } from './ledger-desk';

const count = z.int().min(0);
const lagMs = count
  .nullable()
  .describe(
    'for how long the oldest of what waits has waited, since it was accepted or last redriven; null where nothing waits, or nobody has looked through all that waits yet',
  );
const { destination, ...counters } = LedgerView.shape;

const DestinationStatsView = z.strictObject({
  tenant: z.string(),
  destination,
  sink: z.enum(sinks),
  enabled: z.boolean(),
  ...counters,
  lagMs,
  hold: z
    .strictObject({
      kind: z.enum(['suspended', 'broken']),
      reason: z.string().nullable().describe('the code of the failure'),
      since: z.iso.datetime(),
      batches: count.describe('that were put aside'),
    })
    .nullable()
    .describe('why nothing is delivered to it; null if it is not held'),
});
export type DestinationStatsView = z.infer<typeof DestinationStatsView>;

const QueueStatsView = z.strictObject({
  sink: z.enum(sinks),
  jobs: z
    .strictObject({ waiting: count, active: count, delayed: count, failed: count })
    .describe(
      'one for each batch; those that are delayed wait for more log events or for their turn',
    ),
  heldDestinations: count,
  lagMs,
});
export type QueueStatsView = z.infer<typeof QueueStatsView>;

export const StatsView = z.strictObject({
  at: z.iso.datetime(),
  totals: z
    .strictObject(counters)
    .describe(
      "of the whole installation, former tenants included; to a tenant's key, of the destinations that it has",
    ),
  unaccounted: z
    .int()
    .describe(
      'accepted, less all that the totals account for: other than 0, it is a fault of ours',
    ),
  queues: z
    .array(QueueStatsView)
    .optional()
    .describe("one for each sink, over all shards; not to a tenant's key"),
  destinations: z
    .array(DestinationStatsView)
    .describe('of a page of tenants, which `limit` counts; those that cannot be read are left out'),
  cursor: z.string().nullable().describe('where the list goes on'),
});
export type StatsView = z.infer<typeof StatsView>;
