import type { Replays } from './replays';
import { ReplayKeeper } from './replay-keeper';
import { until } from '@logferry/testing';

test('a replay that cannot go on keeps no other from going on, and is told of', async () => {
  const taken: string[] = [];
  const errors: unknown[] = [];
  const replays: Pick<Replays, 'running' | 'take'> = {
    running: () => Promise.resolve(['first', 'amiss', 'last']),
    take: (id) => {
      taken.push(id);
      return id === 'amiss'
        ? Promise.reject(new Error('amiss'))
        : Promise.resolve({ made: 1, next: 'going' });
    },
  };
  let made = 0;
  const keeper = new ReplayKeeper(
    { replays, sink: 's3' },
    { tenantBytesMax: () => 1, hasRoom: () => true },
    {
      replayed: (batches) => (made += batches),
      replayDone: () => undefined,
      error: (error) => errors.push(error),
    },
  );
  await until(() => errors.length >= 2);
  keeper.stop();
  expect(taken.slice(0, 3)).toEqual(['first', 'amiss', 'last']);
  expect(made).toBeGreaterThanOrEqual(3);
  expect(errors[0]).toMatchObject({ errors: [new Error('amiss')] });
});
