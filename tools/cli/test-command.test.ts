// The steps of a test, as they come. The console is played by one that goes on when it is told to.
import { until } from '@logferry/testing';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startCli, type RunningCommand } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

let server: Server;
let answer: ServerResponse | undefined;
let asked = '';
beforeEach(async () => {
  answer = undefined;
  server = createServer((request, response) => {
    asked = `${request.method} ${request.url} ${request.headers.accept}`;
    answer = response.writeHead(201, { 'content-type': 'application/x-ndjson' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function aTest(...args: string[]): Promise<RunningCommand> {
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const running = startCli(['test', 'acme', 'logs', '--url', url, '--key', 'k', ...args], {});
  await until(() => answer !== undefined, { timeoutMs: 20_000 });
  return running;
}
const write = (step: object): void => void answer?.write(`${JSON.stringify(step)}\n`);

test('each step is told when it is done, and the exit code is that of all', async () => {
  const running = await aTest();
  expect(asked).toBe('POST /v1/tenants/acme/destinations/logs/test application/x-ndjson');
  write({ step: 'session', outcome: 'ok', message: 'a session of the role', tookMs: 5 });
  await until(() => running.out() === '✓ session: a session of the role\n');
  answer?.end(`${JSON.stringify({ outcome: 'passed' })}\n`);
  expect(await running.ended).toMatchObject({ code: 0, told: '' });
});

test('a step that failed says what to add, and the exit code is 1', async () => {
  const running = await aTest();
  const add = { Effect: 'Allow', Action: 'logs:PutLogEvents' };
  write({
    step: 'write',
    outcome: 'failed',
    message: 'may not write',
    code: 'cloudwatch.access_denied',
    remedies: [{ to: 'role_policy', add }],
  });
  answer?.end(`${JSON.stringify({ outcome: 'failed' })}\n`);
  const { code, out } = await running.ended;
  expect(code).toBe(1);
  expect(out).toContain('✗ write: may not write (cloudwatch.access_denied)\n');
  expect(out).toContain('    add to the role policy:\n      {\n        "Effect": "Allow",\n');
  expect(out).toContain('The test has failed.\n');
});

test('a trust policy is told as what it must be, since it is no line to add', async () => {
  const running = await aTest();
  write({
    step: 'session',
    outcome: 'failed',
    message: 'may not assume',
    code: 'credential.trust_denied',
    remedies: [{ to: 'trust_policy', add: { Version: '2012-10-17' } }],
  });
  answer?.end(`${JSON.stringify({ outcome: 'failed' })}\n`);
  expect((await running.ended).out).toContain(
    '    make this the trust policy of the role:\n      {\n        "Version"',
  );
});

test('a test that was cut off has not passed', async () => {
  const running = await aTest('--json');
  write({ step: 'session', outcome: 'ok' });
  answer?.end();
  expect(await running.ended).toMatchObject({
    code: 1,
    out: '{"step":"session","outcome":"ok"}\n',
    told: 'the console went away before the test had ended (no_answer)\n',
  });
});
