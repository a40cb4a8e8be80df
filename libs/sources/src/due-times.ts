import type { Source } from '@logferry/core';
import { defaultRepeatStrategy } from 'bullmq';

/** The next times at which a schedule comes round after a time; fewer than asked for if it never does again. */
export function dueTimes(
  { schedule, timeZone }: Pick<Source, 'schedule' | 'timeZone'>,
  afterMs: number,
  count: number,
): number[] {
  const times: number[] = [];
  for (let atMs: number | undefined = afterMs; times.length < count;) {
    atMs = nextTime(atMs, schedule, timeZone);
    if (atMs === undefined) break;
    times.push(atMs);
  }
  return times;
}

function nextTime(afterMs: number, pattern: string, tz: string): number | undefined {
  try {
    return defaultRepeatStrategy(afterMs, { pattern, tz });
  } catch {
    return undefined; // nothing that is a schedule
  }
}
