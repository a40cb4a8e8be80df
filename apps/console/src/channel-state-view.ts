import { z } from 'zod';

const count = z.int().min(0);
const time = z.iso.datetime().nullable();
const problem = { code: z.string(), message: z.string() };

/** What became of a channel's messages. */
export const ChannelStateView = z.strictObject({
  sent: count,
  failed: count,
  sentAt: time,
  failedAt: time,
  lastProblem: z.strictObject(problem).nullable(),
  pausedUntil: time.describe('where its address does not exist any more: when it is tried again'),
});
export type ChannelStateView = z.infer<typeof ChannelStateView>;

export const ChannelTestView = z.union([
  z.strictObject({ outcome: z.literal('sent') }),
  z.strictObject({ outcome: z.literal('failed'), ...problem }),
]);
export type ChannelTestView = z.infer<typeof ChannelTestView>;
