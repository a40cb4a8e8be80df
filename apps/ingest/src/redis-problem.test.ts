import type { RedisFacts } from './redis-facts';
import { isDurable, warningsOf } from './redis-problem';

const facts: RedisFacts = {
  usedBytes: 1,
  allBytes: 100,
  evicts: 'nothing',
  appendfsync: 'everysec',
  pausesSync: false,
  mayHaveNoFileYet: false,
};

test.each<[Partial<RedisFacts>, boolean, number]>([
  [{ appendfsync: 'always' }, true, 0],
  [{ appendfsync: 'always', pausesSync: true }, false, 1],
  [{ appendfsync: 'always', mayHaveNoFileYet: true }, false, 0],
  [{ appendfsync: 'everysec' }, false, 0],
  [{ appendfsync: 'unknown' }, false, 0],
  [{ appendfsync: 'no' }, false, 1],
  [{ appendfsync: 'none' }, false, 1],
  [{ appendfsync: 'always', evicts: 'what expires' }, true, 1],
])('a Redis of %j is enough for fsync: %s; warnings: %d', (over, enough, warnings) => {
  const redis = { ...facts, ...over };
  expect(isDurable('fsync', redis)).toBe(enough);
  expect(isDurable('everysec', redis)).toBe(true);
  expect(warningsOf(redis)).toHaveLength(warnings);
});
