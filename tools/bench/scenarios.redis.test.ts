import { builtFile } from '@logferry/testing';
import { execFile } from 'node:child_process';

interface Output {
  acknowledged: number;
  lost: number;
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

test.each([
  ['--events is not for scenarios', ['--scenario', 'flood', '--events', '5']],
  ['--strict is for scenarios', ['--strict']],
  ['--scenario is flood or dead or linger or fairness', ['--scenario', 'drought']],
])('%s', async (complaint, args) => {
  expect(await bench(...args)).toMatchObject({
    code: 2,
    complaint: expect.stringContaining(complaint) as string,
  });
});
