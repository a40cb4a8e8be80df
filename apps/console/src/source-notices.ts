// What there is to tell of sources that no run of them tells: that there is none any more, and what came in a day.
import {
  failureKinds,
  wants,
  type Channel,
  type DailyReport,
  type Notification,
  type Source,
  type SourceRun,
} from '@logferry/core';
import { dueTimes } from '@logferry/sources';
import { localTime } from './local-time';

/** What was noticed of a source so far. */
export interface SourceMemory {
  /** Since when it has been watched and switched on. */
  sinceMs: number;
  /** That it does not run any more was told, of this time. */
  stoppedSinceMs?: number;
  /** That it cannot be read was told. */
  isUnreadable?: true;
}

/** As many times in a row must its schedule have come round. */
const MISSED = 3;
/** A run takes a moment to end. */
const GRACE_MS = 60_000;

interface LookedSource {
  tenantId: string;
  source: Source;
  nowMs: number;
}

/** Of its own runs, and not of its replays, which run beside them. */
export interface RunTimes {
  /** When the last one ended, well or with a failure that was told; nothing if none has. */
  endedAtMs?: number | undefined;
  /** When the one began that runs now. */
  runningSinceMs?: number | undefined;
}

/**
 * A run that goes on for hours is none that was missed, if it began in time. One that was interrupted is no run: where pollers die again
 * and again, one is always running, and none ever ends.
 */
export function stoppedNotice(
  { tenantId, source, nowMs, endedAtMs = 0, runningSinceMs }: LookedSource & RunTimes,
  before: SourceMemory | undefined,
): { notification?: Notification; after: SourceMemory | undefined } {
  if (!source.enabled) return { after: undefined };
  const sinceMs = before === undefined || before.isUnreadable === true ? nowMs : before.sinceMs;
  const quietSinceMs = Math.max(endedAtMs, sinceMs);
  const missed = dueTimes(source, quietSinceMs, MISSED);
  const untilMs = runningSinceMs ?? nowMs;
  const isStopped = missed.length === MISSED && (missed.at(-1) ?? untilMs) + GRACE_MS < untilMs;
  if (!isStopped) return { after: { sinceMs } };
  if (before?.stoppedSinceMs === quietSinceMs) return { after: before };
  return {
    after: { sinceMs, stoppedSinceMs: quietSinceMs },
    notification: {
      id: `stopped:${source.id}:${quietSinceMs}`,
      kind: 'source.stopped',
      tenantId,
      atMs: nowMs,
      about: { sourceId: source.id },
      sinceMs: quietSinceMs,
      message:
        'It is switched on, and no run of it has ended although three were due. Its checkpoint stays; ask the platform whether its pollers run.',
    },
  };
}

/** Nobody runs what nobody can read, nor knows whether it is switched on. */
export function unreadableNotice(
  { tenantId, sourceId, nowMs }: { tenantId: string; sourceId: string; nowMs: number },
  before: SourceMemory | undefined,
): { notification?: Notification; after: SourceMemory } {
  if (before?.isUnreadable === true) return { after: before };
  const code = 'source.unreadable';
  return {
    after: { sinceMs: nowMs, isUnreadable: true },
    notification: {
      id: `unreadable:${sourceId}:${new Date(nowMs).toISOString().slice(0, 10)}`,
      kind: 'source.stopped',
      tenantId,
      atMs: nowMs,
      about: { sourceId },
      code,
      message: failureKinds[code].publicMessage,
    },
  };
}

/** The day for which a channel is to have a report of a source now; nothing before its hour. */
export function reportDay(
  channel: Channel,
  { tenantId, source, nowMs }: LookedSource,
): string | undefined {
  const about = { sourceId: source.id };
  if (
    !source.enabled ||
    !wants(channel, { id: '', kind: 'report.daily', tenantId, atMs: nowMs, about })
  )
    return undefined;
  const { date, hour } = localTime(nowMs, channel.timeZone);
  return hour >= channel.dailyReportHour ? date : undefined;
}

/** @param runs those of the last day; what was asked for once more is not what came */
export function reportOf(runs: readonly SourceRun[], checkpoint: string | undefined): DailyReport {
  const own = runs.filter(({ kind }) => kind !== 'replay');
  return {
    processed: own.reduce((sum, { accepted }) => sum + accepted, 0),
    warnings: own.filter(({ warnings }) => warnings.length > 0).length,
    errors: own.filter(({ state }) => state === 'failed').length,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}
