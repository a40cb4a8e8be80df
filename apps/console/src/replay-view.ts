// Replays as the API takes and tells them. The OpenAPI document is made of these schemas.
import type { KeptState, Replay } from '@logferry/queue';
import { z } from 'zod';
import { time } from './dead-letter-request';

export const ReplayRequest = z
  .strictObject({
    by: z
      .enum(['delivered', 'time'])
      .default('delivered')
      .describe(
        'what `from` and `to` are of: when batches were delivered, or when their log events happened',
      ),
    from: time.describe('from this time on: ISO 8601 with a time zone, or epoch milliseconds'),
    to: time.optional().describe('up to this time; without it, now'),
    mark: z
      .boolean()
      .default(false)
      .describe(
        'whether what is delivered says that it was replayed: an object in its metadata, and a log event of a destination whose `format` is `event` in itself',
      ),
  })
  .refine(({ from, to }) => to === undefined || from <= to, {
    path: ['to'],
    message: 'lies before from',
  });
export type ReplayRequest = z.infer<typeof ReplayRequest>;

const count = z.int().min(0);

const KeptView = z
  .strictObject({
    batches: count,
    logEvents: count,
    bytes: count.describe('of Redis'),
    since: z.iso.datetime().nullable().describe('when the oldest of it was delivered'),
    until: z.iso.datetime().nullable().describe('when the latest of it was delivered'),
  })
  .describe('what is kept of what was delivered');

export const ReplayView = z.strictObject({
  id: z.string(),
  state: z.enum(['running', 'done', 'cancelled']),
  by: z.enum(['delivered', 'time']),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  mark: z.boolean(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  total: z
    .strictObject({ batches: count, logEvents: count })
    .describe('what the range named when it was asked for'),
  replayed: z
    .strictObject({ batches: count, logEvents: count })
    .describe(
      'what was accepted anew; what is missing of the total when it is done was given up before its turn came',
    ),
  underWay: count.describe('new batches that are not settled yet'),
  deadLettered: count.describe('new batches that became dead letters'),
});
export type ReplayView = z.infer<typeof ReplayView>;

export const ReplaysView = z.strictObject({ kept: KeptView, replays: z.array(ReplayView) });
export type ReplaysView = z.infer<typeof ReplaysView>;

export function keptView(state: KeptState): ReplaysView['kept'] {
  const { sinceMs, untilMs, ...sums } = state;
  return { ...sums, since: isoTime(sinceMs), until: isoTime(untilMs) };
}

export function replayView(replay: Replay): ReplayView {
  const { id, state, by, fromMs, toMs, isMarked, createdAtMs, endedAtMs } = replay;
  const { total, replayed, underWay, deadLettered } = replay;
  return {
    ...{ id, state, by, mark: isMarked },
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    createdAt: new Date(createdAtMs).toISOString(),
    endedAt: isoTime(endedAtMs),
    total: { batches: total.batches, logEvents: total.logEvents },
    ...{ replayed, underWay, deadLettered },
  };
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
