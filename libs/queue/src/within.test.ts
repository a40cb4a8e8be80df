import { within } from './within';

test('what ends in time is what it came to, and a rejection is one', async () => {
  expect(await within(Promise.resolve(1), 10_000)).toBe(1);
  await expect(within(Promise.reject(new Error('no')), 10_000)).rejects.toThrow('no');
});

test('what does not is late, and its rejection afterwards harms nobody', async () => {
  const { promise, reject } = Promise.withResolvers<number>();
  expect(await within(promise, 1)).toBe('late');
  reject(new Error('too late to be told'));
  await expect(promise).rejects.toThrow('too late');
});
