import { steadyPort } from './free-port';

test('a steady port is given once, although nothing listens on it yet', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, () => steadyPort()));
  expect(new Set(ports).size).toBe(300);
});
