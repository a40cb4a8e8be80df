import { Readiness } from './readiness';

test('a process that has all it needs misses nothing', async () => {
  expect(await new Readiness({}).missing()).toEqual([]);
  const readiness = new Readiness({ redis: () => true, broker: () => Promise.resolve(true) });
  expect(await readiness.missing()).toEqual([]);
});

test('what is missing is named, and a need that cannot be asked counts as missing', async () => {
  const readiness = new Readiness({
    redis: () => true,
    away: () => false,
    late: () => Promise.resolve(false),
    broken: () => {
      throw new Error('no');
    },
    refused: () => Promise.reject(new Error('no')),
    told: () => 'it takes no writes',
  });
  const missing = ['away', 'late', 'broken', 'refused', 'told: it takes no writes'];
  expect(await readiness.missing()).toEqual(missing);
});

test('it is asked anew each time', async () => {
  let has = false;
  const readiness = new Readiness({ redis: () => has });
  expect(await readiness.missing()).toEqual(['redis']);
  has = true;
  expect(await readiness.missing()).toEqual([]);
});
