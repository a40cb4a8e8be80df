import { DurableAppender, NotDurable } from './durable-appender';

test('what a Redis took that was lost meanwhile is not acknowledged', async () => {
  const outcome = { repeated: false, duplicates: 0 };
  const watch = { keepsWhatItTook: true };
  const append = { fragmentsByLane: new Map(), filteredByTenant: new Map() };
  const isKept = new DurableAppender({ append: () => Promise.resolve(outcome) }, watch);
  expect(await isKept.append(append, 1)).toBe(outcome);
  const isLost = new DurableAppender(
    { append: () => ((watch.keepsWhatItTook = false), Promise.resolve(outcome)) },
    watch,
  );
  await expect(isLost.append(append, 1)).rejects.toThrow(NotDurable);
});
