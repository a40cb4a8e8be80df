import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GIVEN, steadyPort } from './free-port';

test('a steady port is given once, although nothing listens on it yet', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, () => steadyPort()));
  expect(new Set(ports).size).toBe(300);
  // Nobody listens on them, and other test runs want some.
  for (const port of ports) rmSync(join(GIVEN, String(port)));
});

test('a steady port is given to one process of the machine', async () => {
  const port = await steadyPort();
  const file = join(GIVEN, String(port));
  expect(existsSync(file)).toBe(true);
  const other = spawnSync(process.execPath, [
    '-e',
    `require('node:fs').writeFileSync(${JSON.stringify(file)}, '', { flag: 'wx' })`,
  ]);
  expect(other.stderr.toString()).toContain('EEXIST');
});
