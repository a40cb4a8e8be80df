import type { ConsoleClient } from './console-client';
import type { Finding } from './finding';
import { examineVersions, versionFinding } from './version-examination';

async function examined(answer: object): Promise<{ findings: Finding[]; expected: string }> {
  const console = { get: () => Promise.resolve(answer) } as unknown as ConsoleClient;
  const examination = examineVersions(console, '2.0.0');
  const findings: Finding[] = [];
  for (let next = await examination.next(); ; next = await examination.next()) {
    if (next.done === true) return { findings, expected: next.value };
    findings.push(next.value);
  }
}

const statesOf = (findings: Finding[]) => findings.map(({ about, state }) => `${about} ${state}`);

test.each([
  ['6.1.9', 'wrong'],
  ['6.2.0', 'good'],
  ['7.0.15', 'good'],
  ['10.0.0', 'good'],
])('Redis %s is %s', async (redis, state) => {
  const { findings } = await examined({ version: '2.0.0', node: '24.0.0', redis: [redis] });
  expect(statesOf(findings)).toEqual(['console good', `Redis ${state}`]);
});

test('a console of another version is to be talked to by its own command, and is what the others are compared with', async () => {
  const { findings, expected } = await examined({ version: '9.0.0', node: '24.0.0', redis: [] });
  expect(statesOf(findings)).toEqual(['console warning']);
  expect(findings[0]?.remedy).toContain('check out 9.0.0');
  expect(expected).toBe('9.0.0');
});

test('a process of another version is told with both', () => {
  const told = versionFinding('ingest', { version: '1.0.0', node: '24.0.0' }, '2.0.0');
  expect(told).toMatchObject({ state: 'warning' });
  expect(told.message).toContain('1.0.0');
  expect(told.remedy).toMatch(/2\.0\.0.*1\.0\.0/);
  expect(versionFinding('ingest', { version: '2.0.0', node: '24.0.0' }, '2.0.0').state).toBe(
    'good',
  );
  expect(versionFinding('ingest', {}, '2.0.0').state).toBe('unknown');
});
