import { dueTimes } from './due-times';

const at = (time: string): number => Date.parse(`2026-11-21T${time}Z`);

test.each([
  ['0 */5 * * * *', 'UTC', ['10:05:00', '10:10:00', '10:15:00']],
  ['*/30 * * * *', 'UTC', ['10:30:00', '11:00:00', '11:30:00']],
  ['0 13 * * *', 'Europe/Berlin', ['12:00:00']],
])('%s in %s', (schedule, timeZone, times) => {
  const found = dueTimes({ schedule, timeZone }, at('10:02:17'), times.length);
  expect(found).toEqual(times.map(at));
});

test('what never comes round, or is no schedule, has no times', () => {
  expect(dueTimes({ schedule: 'every day', timeZone: 'UTC' }, at('10:00:00'), 3)).toEqual([]);
  expect(dueTimes({ schedule: '0 0 30 2 *', timeZone: 'UTC' }, at('10:00:00'), 3)).toEqual([]);
});
