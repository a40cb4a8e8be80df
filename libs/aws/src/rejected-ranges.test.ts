import fc from 'fast-check';
import { rejectedRanges } from './rejected-ranges';

test('the old end is exclusive, the new start inclusive', () => {
  expect(rejectedRanges({ tooOldLogEventEndIndex: 2 }, 5)).toEqual([
    { code: 'cloudwatch.log_event_too_old', from: 0, to: 2 },
  ]);
  expect(rejectedRanges({ tooNewLogEventStartIndex: 3 }, 5)).toEqual([
    { code: 'cloudwatch.log_event_too_new', from: 3, to: 5 },
  ]);
  expect(
    rejectedRanges(
      { tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 3, tooNewLogEventStartIndex: 4 },
      5,
    ),
  ).toEqual([
    { code: 'cloudwatch.log_event_too_old', from: 0, to: 1 },
    { code: 'cloudwatch.log_event_expired', from: 1, to: 3 },
    { code: 'cloudwatch.log_event_too_new', from: 4, to: 5 },
  ]);
});

test('no information means that all was taken', () => {
  expect(rejectedRanges(undefined, 5)).toEqual([]);
  expect(rejectedRanges({}, 5)).toEqual([]);
});

test('whatever AWS says, no log event is refused twice or invented', () => {
  const index = fc.option(fc.integer({ min: -5, max: 30 }), { nil: undefined });
  fc.assert(
    fc.property(
      index,
      index,
      index,
      fc.integer({ min: 1, max: 20 }),
      (old, expired, fresh, count) => {
        const info = {
          tooOldLogEventEndIndex: old,
          expiredLogEventEndIndex: expired,
          tooNewLogEventStartIndex: fresh,
        };
        let end = 0;
        for (const { from, to } of rejectedRanges(info, count)) {
          expect(from).toBeGreaterThanOrEqual(end);
          expect(to).toBeGreaterThan(from);
          end = to;
        }
        expect(end).toBeLessThanOrEqual(count);
      },
    ),
  );
});
