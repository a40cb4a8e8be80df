// Goal: for any batch and any time, every event is either stored or refused, and the answer's indices say which. Method: random
// batches, the indices read as AWS words them. Doubles: none.
import fc from 'fast-check';
import { readBatch, sortOutBatch } from './log-batch';
import type { BatchRules } from './log-batch';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Times on both sides of every border, the valid ones within a day of each other. */
const offsetMs = fc.oneof(
  fc.integer({ min: -40 * DAY_MS, max: -13 * DAY_MS }),
  fc.integer({ min: -20 * HOUR_MS, max: 4 * HOUR_MS }),
  fc.constantFrom(-14 * DAY_MS, -14 * DAY_MS - 1, 2 * HOUR_MS, 2 * HOUR_MS + 1, -DAY_MS, 0),
);
const batch = fc
  .array(offsetMs, { minLength: 1, maxLength: 40 })
  .map((offsets) => offsets.sort((a, b) => a - b))
  .map((offsets) => offsets.map((ms, at) => ({ timestamp: NOW_MS + ms, message: String(at) })));
const retentionDays = fc.constantFrom(undefined, 1, 7, 14, 30);

function sortOut(events: { timestamp: number; message: string }[], rules: Partial<BatchRules>) {
  const everyRule = { nowMs: NOW_MS, retentionDays: undefined, ...rules };
  try {
    return sortOutBatch(readBatch(events), everyRule);
  } catch (error) {
    // Valid events more than a day apart fail the call as a whole: nothing is stored, so there is nothing to check.
    if (String(error).includes('cannot span more than 24 hours')) return undefined;
    throw error;
  }
}

/** What is left of a batch when the indices are read as AWS words them. */
function readIndices(
  events: { message: string }[],
  info: ReturnType<typeof sortOutBatch>['rejected'],
): string[] {
  const start = Math.max(info?.tooOldLogEventEndIndex ?? 0, info?.expiredLogEventEndIndex ?? 0);
  const end = info?.tooNewLogEventStartIndex ?? events.length;
  return events.slice(start, end).map(({ message }) => message);
}

test('the indices name exactly the events that were not stored', () => {
  let stored = 0;
  fc.assert(
    fc.property(batch, retentionDays, (events, days) => {
      const result = sortOut(events, { retentionDays: days });
      if (result === undefined) return;
      stored += 1;
      const accepted = result.accepted.map(({ message }) => message);
      expect(readIndices(events, result.rejected)).toEqual(accepted);
      const { tooOld, tooNew, expired } = result.counts;
      expect(accepted.length + tooOld + tooNew + expired).toBe(events.length);
    }),
  );
  expect(stored).toBeGreaterThan(10);
});

test('no stored event is too old, too new or expired, and no refused one is neither', () => {
  fc.assert(
    fc.property(batch, retentionDays, (events, days) => {
      const result = sortOut(events, { retentionDays: days });
      const isValid = (timestamp: number): boolean =>
        timestamp >= NOW_MS - Math.min(14, days ?? 14) * DAY_MS &&
        timestamp <= NOW_MS + 2 * HOUR_MS;
      const wanted = events.filter(({ timestamp }) => isValid(timestamp));
      expect(result?.accepted ?? wanted).toEqual(wanted);
    }),
  );
});

test('a half-accepting fault refuses as many as it says, in the same form', () => {
  const kinds = fc.constantFrom('too-old' as const, 'too-new' as const, 'expired' as const);
  fc.assert(
    fc.property(batch, kinds, fc.integer({ min: 1, max: 50 }), (events, rejectedAs, count) => {
      const plain = sortOut(events, {});
      const halved = sortOut(events, { halfAccept: { rejectedAs, rejectedCount: count } });
      const kept = Math.max((plain?.accepted.length ?? 0) - count, 0);
      expect(halved?.accepted.length ?? 0).toBe(kept);
      const shown = halved && readIndices(events, halved.rejected);
      expect(shown).toEqual(halved?.accepted.map(({ message }) => message));
    }),
  );
});
