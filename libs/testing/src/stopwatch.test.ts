import { startStopwatch } from './stopwatch';
import { until } from './until';

const stand = (ms: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('it counts while the process runs, and no more than that', async () => {
  const startedAt = performance.now();
  const ranMs = startStopwatch();
  await until(() => ranMs() >= 200);
  expect(ranMs()).toBeLessThanOrEqual(performance.now() - startedAt);
});

test('while the process stands still it stands still as well', () => {
  const ranMs = startStopwatch();
  stand(1_000);
  expect(ranMs()).toBeLessThanOrEqual(50);
});
