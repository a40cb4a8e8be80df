// Sources and their runs as the API takes and tells them. The OpenAPI document is made of these schemas.
import {
  LogId,
  Source,
  shownSource,
  type ReplayRequest,
  type RunLogLine,
  type SourceRun,
} from '@logferry/core';
import type { FeedPosition } from '@logferry/sources';
import type { StoredText } from '@logferry/store';
import { z } from 'zod';
import { jsonOf, type UnreadableView } from './config-views';

const moment = z.iso.datetime().nullable();
const logId = z.string().nullable();
const count = z.int().min(0);

/** A source without its client's secret. */
export type SourceView = UnreadableView | { version: number };

export function sourceView(id: string, { text, version }: StoredText): SourceView {
  const parsed = Source.safeParse(jsonOf(text));
  return parsed.success
    ? { ...shownSource(parsed.data), version }
    : { id, unreadable: true, version };
}

export const CheckpointBody = z
  .union([z.strictObject({ after: LogId }), z.strictObject({ at: LogId })])
  .describe('`after`: the last log event that is not sent again; `at`: the first one that is');
export type CheckpointBody = z.infer<typeof CheckpointBody>;

const time = z.iso
  .datetime({ offset: true, message: 'must be a time, such as 2026-11-21T08:00:00Z' })
  .transform((text) => Date.parse(text));

export const ReplayBody = z.strictObject({
  from: z
    .union([
      z.strictObject({ after: LogId }),
      z.strictObject({ at: LogId }),
      z.strictObject({ time }),
    ])
    .describe('the log event behind which it begins, or the first one itself, or a time'),
  to: z
    .union([z.strictObject({ at: LogId }), z.strictObject({ time })])
    .optional()
    .describe('the last log event, or a time; without it, what there is when it begins'),
  isMarked: z
    .boolean()
    .default(false)
    .describe('whether its log events say that they are of a replay'),
});

/** What the poller is asked for. */
export function replayRequest({ from, to, isMarked }: z.infer<typeof ReplayBody>): ReplayRequest {
  return {
    from: 'time' in from ? { timeMs: from.time } : from,
    ...(to === undefined ? {} : { to: 'time' in to ? { timeMs: to.time } : to }),
    isMarked,
  };
}

export const RunView = z.strictObject({
  id: z.string(),
  kind: z.enum(['schedule', 'now', 'replay']),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled', 'interrupted']),
  startedAt: z.iso.datetime(),
  endedAt: moment,
  read: count.describe('log events that Auth0 gave'),
  accepted: count.describe('log events that are durably accepted'),
  unwanted: count.describe('those of them that no destination wants: they are nowhere'),
  filtered: count.describe("what the source's level and types leave out"),
  rejected: count.describe('what would be refused however often it were sent'),
  repeated: count.describe('what was handed over once more, and may be there twice'),
  rejections: z.array(z.strictObject({ logId: z.string(), code: z.string() })),
  unknownTypes: z
    .record(z.string(), count)
    .describe('codes that this version does not know, with how many came'),
  firstCheckpoint: logId,
  checkpoint: logId,
  newestAt: moment.describe('the time of the newest log event that was read'),
  apiCalls: count,
  waitedMs: z.strictObject({ api: count, ingest: count }),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  warnings: z.array(z.enum(['gap', 'late', 'silent', 'rejected', 'unwanted'])),
  replay: z.unknown().optional().describe('of a replay: from where to where, as it was asked for'),
});
export type RunView = z.infer<typeof RunView>;

export function runView(run: SourceRun): RunView {
  const { id, kind, state, read, accepted, unwanted, filtered, rejected, repeated } = run;
  const { rejections, unknownTypes, apiCalls, waitedMs, warnings } = run;
  return {
    id,
    kind,
    state,
    startedAt: new Date(run.startedAtMs).toISOString(),
    endedAt: isoOf(run.endedAtMs),
    ...{ read, accepted, unwanted, filtered, rejected, repeated, rejections, unknownTypes },
    firstCheckpoint: run.firstCheckpoint ?? null,
    checkpoint: run.checkpoint ?? null,
    newestAt: isoOf(run.newestMs),
    apiCalls,
    waitedMs,
    error: run.error ?? null,
    warnings,
    ...(run.replay === undefined ? {} : { replay: shownReplay(run.replay) }),
  };
}

function shownReplay({ from, to, isMarked }: ReplayRequest): object {
  const shown = (end: object): object =>
    'timeMs' in end ? { time: new Date(Number(end.timeMs)).toISOString() } : end;
  return { from: shown(from), ...(to === undefined ? {} : { to: shown(to) }), isMarked };
}

export const RunsView = z.strictObject({
  runs: z.array(RunView).describe('the newest first'),
  total: count.describe('on all pages'),
});

export const StatusView = z.strictObject({
  enabled: z.boolean(),
  nextRunAt: moment.describe('null while it is off, or before a poller has seen it'),
  checkpoint: logId.describe('the last log event that is durably accepted'),
  isInclusive: z
    .boolean()
    .describe('whether the checkpoint itself is still to be sent, since somebody has set it so'),
  caughtUpAt: moment.describe('when everything was read that there was'),
  newestAt: moment.describe('the time of the newest log event that was read'),
  lastRun: RunView.nullable(),
});
export type StatusView = z.infer<typeof StatusView>;

export function statusView(
  { enabled }: Pick<Source, 'enabled'>,
  { checkpoint, isInclusive, caughtUpAtMs, newestMs }: FeedPosition,
  { nextRunMs, lastRun }: { nextRunMs: number | undefined; lastRun: SourceRun | undefined },
): StatusView {
  return {
    enabled,
    nextRunAt: isoOf(nextRunMs),
    checkpoint: checkpoint ?? null,
    isInclusive,
    caughtUpAt: isoOf(caughtUpAtMs),
    newestAt: isoOf(newestMs),
    lastRun: lastRun === undefined ? null : runView(lastRun),
  };
}

export const AskedRunView = z.strictObject({
  runId: z.string().describe('the run is there as soon as a poller has begun it'),
});

export const CancellingView = z.strictObject({
  id: z.string(),
  outcome: z.literal('cancelling').describe('it ends before its next page'),
});

export const LogLineView = z.strictObject({
  place: z.string().describe('sent as `after`, it is behind which the log is told'),
  at: z.iso.datetime(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
});
export type LogLineView = z.infer<typeof LogLineView>;

export function lineView({ atMs, ...line }: RunLogLine): LogLineView {
  return { ...line, at: new Date(atMs).toISOString() };
}

export const RunLogView = z.strictObject({
  lines: z.array(LogLineView).describe('the oldest first'),
});

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
