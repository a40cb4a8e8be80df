import { z } from 'zod';
import { explained } from './dead-letter-view';

const count = z.int().min(0);
const KNOWN = 'null of what was delivered: nothing of that is kept but its job';

const DeliveryView = z.strictObject({
  id: z.string().describe('of the batch'),
  outcome: z
    .enum(['delivered', 'rejected', 'dead_lettered'])
    .describe('`rejected`: refused by AWS for good; `dead_lettered`: given up'),
  at: z.iso.datetime().describe('when it came to this'),
  target: z.string().describe('the log group and stream, or the bucket and key'),
  logEvents: count.nullable().describe(KNOWN),
  bytes: count.nullable().describe(KNOWN),
  begun: count
    .nullable()
    .describe(
      'how often a worker took it up, also to put it off without a call; null of what was not delivered',
    ),
  reason: z.string().nullable().describe('the code of the failure'),
  message: explained.message.nullable(),
});
export type DeliveryView = z.infer<typeof DeliveryView>;

export const DeliveriesView = z.strictObject({
  deliveries: z
    .array(DeliveryView)
    .describe(
      'the newest first: what was delivered in the last hour, as far as it is among the last 1,000 batches of its queue, which all tenants share; and dead letters for as long as they are kept',
    ),
});
export type DeliveriesView = z.infer<typeof DeliveriesView>;
