import { acknowledgementOf, latencyOf, longestWaitMs } from './latency';
import { ratioVerdict } from './scenario';

const load = {
  name: 'quiet',
  firstId: 2,
  dueMs: Float64Array.from([100, 200, 300, 400]),
  acknowledgedMs: Float64Array.from([110, 0, 320, 405]),
  acknowledged: 3,
  statuses: { 202: 3, 429: 1 },
};
const arrivals = {
  arrivedMs: Float64Array.from([0, 0, 150, 900, 400, 1_405]),
  acknowledged: 3,
  lost: 0,
  duplicates: 0,
  calls: 3,
};

test('latency is of what was acknowledged and arrived, from when it was due', () => {
  expect(latencyOf([load], arrivals)).toEqual({
    logEvents: 3,
    p50Ms: 100,
    p99Ms: 1_005,
    mostMs: 1_005,
  });
  expect(latencyOf([load], arrivals, (dueMs) => dueMs < 300).p99Ms).toBe(50);
});

test('an acknowledgement is counted from when the log event was due, however late it was sent', () => {
  expect(acknowledgementOf([load])).toMatchObject({ logEvents: 3, mostMs: 20 });
});

test('a wait begins with the acknowledgement', () => {
  expect(longestWaitMs([load], arrivals)).toBe(1_000);
});

test.each([
  [150, true],
  [151, false],
])('a p99 of %d ms beside one of 100 is held: %s', (p99Ms, held) => {
  const of = (ms: number) => ({ logEvents: 1, p50Ms: 1, p99Ms: ms, mostMs: ms });
  expect(ratioVerdict('it', of(p99Ms), of(100))).toMatchObject({ value: p99Ms / 100, held });
});
