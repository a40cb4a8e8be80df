// What whoever types a command wrongly, or runs it while nothing is there, reads: one line, and an exit code that scripts know.
import { builtFile } from '@logferry/testing';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-commands-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

interface End {
  code: number | null;
  said: string;
}

function run(command: string, ...args: string[]): Promise<End> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [builtFile(`tools/${command}.ts`), ...args],
      { cwd: dir, env: { PATH: process.env.PATH } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, said: stdout + stderr }),
    );
  });
}

test.each([
  ['start', ['--nonsense'], "Unknown option '--nonsense'"],
  ['send', ['--nonsense'], "Unknown option '--nonsense'"],
  ['send', ['--key', 'a-key'], '--tenant is missing'],
  ['send', ['missing.log', '--key', 'a-key', '--tenant', 'a'], 'there is no file missing.log'],
  ['bench', ['--nonsense'], "Unknown option '--nonsense'"],
  ['bench', ['--events', '1e3'], '--events is a whole number from 1, not 1e3'],
  ['bench', ['--sink', 'elsewhere'], '--sink is cloudwatch or s3, not elsewhere'],
])('npm run %s -- %j is told in one line what is wrong with it', async (command, args, what) => {
  expect(await run(command, ...args)).toEqual({
    code: 2,
    said: `${what}; see npm run ${command} -- --help\n`,
  });
});

test.each(['start', 'send', 'bench'])('npm run %s -- --help helps', async (command) => {
  const { code, said } = await run(command, '--help');
  expect(code).toBe(0);
  expect(said).toContain(`npm ${command === 'start' ? 'start' : `run ${command}`}`);
  expect(said).toContain('Exit code: ');
});
