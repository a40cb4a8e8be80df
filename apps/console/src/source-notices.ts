// What there is to tell of sources that no run of them tells: that there is none any more, and what came in a day.
import {
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
}

/** As many times in a row must its schedule have come round. */
const MISSED = 3;
/** A run takes a moment to end. */
const GRACE_MS = 60_000;

interface LookedSource {
  tenantId: string;
  source: Source;
  /** The run that began last, if there was any. */
  run: SourceRun | undefined;
  nowMs: number;
}

export function stoppedNotice(
  { tenantId, source, run, nowMs }: LookedSource,
  before: SourceMemory | undefined,
): { notification?: Notification; after: SourceMemory | undefined } {
  if (!source.enabled) return { after: undefined };
  const { sinceMs } = before ?? { sinceMs: nowMs };
  const isRunning = run?.state === 'running';
  const endedMs = isRunning ? nowMs : (run?.endedAtMs ?? 0);
  const quietSinceMs = Math.max(endedMs, sinceMs);
  const missed = dueTimes(source, quietSinceMs, MISSED);
  const isStopped = missed.length === MISSED && (missed.at(-1) ?? nowMs) + GRACE_MS < nowMs;
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

/** The day for which a channel is to have a report of a source now; nothing before its hour. */
export function reportDay(
  channel: Channel,
  { tenantId, source, nowMs }: Omit<LookedSource, 'run'>,
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
