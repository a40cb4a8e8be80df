import { builtFile } from '@logferry/testing';
import { execFile } from 'node:child_process';

interface Output {
  acknowledged: number;
  lost: number;
  facts: [name: string, text: string][];
  verdicts: { value: number; most: number; held: boolean }[];
}

function bench(...args: string[]): Promise<{ code: number; output: string; complaint: string }> {
  return new Promise((resolve) => {
    const program = [builtFile('tools/bench.ts'), ...args];
    execFile(process.execPath, program, { env: { PATH: process.env.PATH } }, (error, out, err) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      resolve({ code, output: out, complaint: err });
    });
  });
}

// Not what is held: two seconds on a machine that runs other tests say nothing about that.
test('a scenario loses nothing, and says of each target what came out', async () => {
  const { code, output } = await bench('--scenario', 'linger', '--seconds', '2', '--json');
  const { acknowledged, lost, verdicts } = JSON.parse(output) as Output;
  expect({ code, lost }).toEqual({ code: 0, lost: 0 });
  expect(acknowledged).toBeGreaterThan(400);
  expect(verdicts).toHaveLength(1);
  for (const { value, most, held } of verdicts) expect(held).toBe(value <= most);
}, 120_000);

test('a source is read to its end, and what came out is told beside what the limit takes', async () => {
  const { code, output } = await bench('--scenario', 'auth0', '--logs', '8000', '--json');
  const { acknowledged, lost, verdicts, facts } = JSON.parse(output) as Output;
  expect({ code, acknowledged, lost }).toEqual({ code: 0, acknowledged: 8_000, lost: 0 });
  expect(verdicts).toHaveLength(1);
  for (const { value, most, held } of verdicts) expect(held).toBe(value <= most);
  // That nothing was refused does not hang on how fast this machine is.
  expect(new Map(facts).get('requests')).toMatch(/; 0 refused; at least [1-9]/);
}, 120_000);

test.each([
  ['--events is not for scenarios', ['--scenario', 'flood', '--events', '5']],
  ['--strict is for scenarios', ['--strict']],
  ['--scenario is flood or dead or linger or fairness or auth0', ['--scenario', 'drought']],
])('%s', async (complaint, args) => {
  expect(await bench(...args)).toMatchObject({
    code: 2,
    complaint: expect.stringContaining(complaint) as string,
  });
});
