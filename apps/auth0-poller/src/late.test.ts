import { isLateMeanwhile } from './late';

const MINUTE = 60_000;
const DAY = 86_400_000;
const nowMs = Date.UTC(2026, 10, 21);
const first = { isInclusive: false, epoch: 0 };
const behind = { ...first, newestMs: nowMs - 9 * DAY };

test.each<[string, typeof first, { daysOld: number; minutes: number }, boolean]>([
  ['a first run reads what is old', first, { daysOld: 30, minutes: 14 }, false],
  ['it does so for a quarter of an hour', first, { daysOld: 30, minutes: 15 }, true],
  ['it has come to what is a week old', first, { daysOld: 7, minutes: 15 }, true],
  ['it has come to what is newer', first, { daysOld: 6.9, minutes: 600 }, false],
  ['the run before came no further', behind, { daysOld: 8, minutes: 0 }, true],
  [
    'the run before came to the end, of what is old',
    { ...behind, caughtUpAtMs: nowMs - DAY } as typeof first,
    { daysOld: 8, minutes: 0 },
    false,
  ],
])('while a source is read: %s', (_, begun, { daysOld, minutes }, isLate) => {
  const run = { newestMs: nowMs - daysOld * DAY, startedAtMs: nowMs - minutes * MINUTE };
  expect(isLateMeanwhile(begun, run, nowMs)).toBe(isLate);
});
