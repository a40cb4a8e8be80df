import { failureKinds } from '@logferry/core';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

test('every failure of a source is raised somewhere', () => {
  const root = join(__dirname, '..', '..', '..');
  const sources = execFileSync('git', ['ls-files', 'apps', 'libs'], { cwd: root })
    .toString()
    .split('\n')
    .filter((file) => /\.ts$/.test(file) && !/test\.ts$|source-failures/.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  const codes = Object.keys(failureKinds).filter((code) => code.startsWith('source.'));
  expect(codes.length).toBeGreaterThan(10);
  expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
});
