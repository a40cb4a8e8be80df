import { scheduleProblem } from './schedule';

test.each([
  ['0 */5 * * * *', 'UTC'],
  ['*/5 * * * *', 'Europe/Berlin'],
  ['0 30 2 * * 1-5', 'America/New_York'],
  ['0 0 29 2 *', 'UTC'],
])('%s in %s is a schedule', (schedule, timeZone) => {
  expect(scheduleProblem({ schedule, timeZone })).toBeUndefined();
});

test.each([
  ['61 * * * *', 'UTC', 'schedule'],
  ['0 0 31 2 *', 'UTC', 'schedule'],
  ['every 5 min please', 'UTC', 'schedule'],
  ['a b c d e', 'UTC', 'schedule'],
  ['* * * *', 'UTC', 'schedule'],
  ['* * * * * * *', 'UTC', 'schedule'],
  ['* * * * *', 'Europe/Atlantis', 'timeZone'],
])('%s in %s is none, by its %s', (schedule, timeZone, field) => {
  expect(scheduleProblem({ schedule, timeZone })).toMatchObject({ field });
});
