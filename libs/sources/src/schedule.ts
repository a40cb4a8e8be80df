import type { Source } from '@logferry/core';
import { defaultRepeatStrategy } from 'bullmq';

const FIELDS = [5, 6];

/** What is wrong with when a source is to run; nothing if there is a next time. It is read by what runs it, so that both agree. */
export function scheduleProblem(
  { schedule, timeZone }: Pick<Source, 'schedule' | 'timeZone'>,
  nowMs = Date.now(),
): { field: 'schedule' | 'timeZone'; message: string } | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    return { field: 'timeZone', message: 'must be a time zone, such as Europe/Berlin' };
  }
  const isCron = FIELDS.includes(schedule.trim().split(/\s+/).length);
  const nextMs = isCron ? nextRunMs(schedule, timeZone, nowMs) : undefined;
  if (nextMs !== undefined) return undefined;
  const message =
    'must be a cron expression of five fields, or six with the seconds first, that comes to a time';
  return { field: 'schedule', message };
}

function nextRunMs(pattern: string, tz: string, nowMs: number): number | undefined {
  try {
    return defaultRepeatStrategy(nowMs, { pattern, tz });
  } catch {
    return undefined;
  }
}
