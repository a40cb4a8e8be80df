import { until } from '@logferry/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { Rounds } from './rounds';

const EVERY_MS = 5;
let rounds: Rounds | undefined;
afterEach(() => rounds?.stop());

test('a round that goes wrong is told of, and the next one comes', async () => {
  const errors: unknown[] = [];
  let count = 0;
  rounds = new Rounds({
    everyMs: EVERY_MS,
    round: () => (++count === 1 ? Promise.reject(new Error('amiss')) : Promise.resolve()),
    onError: (error) => errors.push(error),
  });
  await until(() => count >= 3);
  expect(errors).toEqual([new Error('amiss')]);
});

test('two are never under way at once', async () => {
  let [underWay, most, count] = [0, 0, 0];
  rounds = new Rounds({
    everyMs: 0,
    round: async () => {
      most = Math.max(most, ++underWay);
      await delay(20);
      underWay--;
      count++;
    },
    onError: () => undefined,
  });
  await until(() => count >= 3);
  expect(most).toBe(1);
});

test('a round says when the next one is', async () => {
  const times: number[] = [];
  rounds = new Rounds({
    everyMs: EVERY_MS,
    round: () => {
      times.push(performance.now());
      return Promise.resolve(times.length === 1 ? 300 : undefined);
    },
    onError: () => undefined,
  });
  await until(() => times.length >= 3);
  const [first = 0, second = 0] = times;
  expect(second - first).toBeGreaterThan(290);
});

test('stopped in the middle of one, no other comes, and nothing is told of it', async () => {
  const errors: unknown[] = [];
  let count = 0;
  const round = Promise.withResolvers<void>();
  rounds = new Rounds({
    everyMs: EVERY_MS,
    round: () => {
      count++;
      return round.promise;
    },
    onError: (error) => errors.push(error),
  });
  await until(() => count === 1);
  rounds.stop();
  round.reject(new Error('its connection is closed'));
  await delay(10 * EVERY_MS);
  expect({ count, errors }).toEqual({ count: 1, errors: [] });
});
