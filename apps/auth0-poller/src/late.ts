// Whether a source is so far behind that its owner should know.
import type { FeedPosition } from '@logferry/sources';

const WEEK_MS = 7 * 86_400_000;
/** So long a run may read what is old: it has come to what is new by then, or is behind. */
const LONG_RUN_MS = 15 * 60_000;

/** Whether the newest log event that was read is more than a week old. */
export function isLate(newestMs: number | undefined, nowMs: number): boolean {
  return newestMs !== undefined && nowMs - newestMs >= WEEK_MS;
}

/** Whether the runs before came no further either, and to no end within a week. */
export function isBehind({ newestMs, caughtUpAtMs = 0 }: FeedPosition, nowMs: number): boolean {
  return isLate(newestMs, nowMs) && isLate(caughtUpAtMs, nowMs);
}

/** Whether a run that is still reading is late. Nobody waits for its end: it may not come, or be hours away. */
export function isLateMeanwhile(
  begun: FeedPosition,
  { newestMs, startedAtMs }: { newestMs: number | undefined; startedAtMs: number },
  nowMs: number,
): boolean {
  if (!isLate(newestMs, nowMs)) return false;
  return isBehind(begun, nowMs) || nowMs - startedAtMs >= LONG_RUN_MS;
}
