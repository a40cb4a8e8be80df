// The stories that a customer pays for, from the outside: HTTP in, AWS out.
import { imbalance } from '@logferry/core';
import { until } from '@logferry/testing';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLATFORM_KEY } from './app-environment';
import { ACCOUNT, REGION, Stack, TENANT } from './stack';

let stack: Stack;
let dir: string;

beforeAll(async () => {
  stack = await Stack.start();
  dir = mkdtempSync(join(tmpdir(), 'logferry-send-'));
}, 120_000);

afterAll(async () => {
  await stack.stop();
  rmSync(dir, { recursive: true, force: true });
}, 30_000);

test('deployment and audit logs arrive under the names that env0 documents, with their own times', async () => {
  const time = new Date(Date.now() - 60_000).toISOString();
  const sent = await stack.send([
    { time, message: 'Apply complete!', attributes: { deploymentId: 'dep-7' } },
  ]);
  expect(sent).toEqual({ status: 202, body: { accepted: 1, rejected: [] } });
  await stack.send(
    [{ time, message: { action: 'login' }, attributes: { organizationId: 'org-7' } }],
    'audit',
  );
  await until(
    () =>
      stack.messages('dep-7').length === 1 && stack.messages('org-7', 'env0-audits').length === 1,
  );

  const [event] = stack.aws.logEvents({
    account: ACCOUNT,
    region: REGION,
    group: 'env0-deployments',
    stream: 'dep-7',
  });
  expect(event).toMatchObject({ message: 'Apply complete!', timestamp: Date.parse(time) });
  expect(stack.messages('org-7', 'env0-audits')).toEqual(['{"action":"login"}']);
  await until(() => stack.objectLines().length === 2);
  const keys = stack.objectLines().map(({ key }) => key);
  expect(keys[0]).toMatch(/^env0-audits\/\d{4}\/\d\d\/\d\d\/\d\d:\d\d:\d\d_[a-z0-9]{5}\.log$/);
  expect(keys[1]).toMatch(/^env0-deployments\/\d{4}\/\d\d\/\d\d\/\d\d:\d\d:\d\d_[a-z0-9]{5}\.log$/);
  expect(stack.objectLines().map(({ event: { time: at, message } }) => [at, message])).toEqual([
    [time, { action: 'login' }],
    [time, 'Apply complete!'],
  ]);
}, 20_000);

/** Runs `npm run send` as a person would, without npm. */
function send(...args: string[]): Promise<{ code: number | null; out: string }> {
  const script = join(__dirname, '..', 'dist', 'tools', 'send.js');
  const child = spawn(process.execPath, [
    script,
    ...args,
    '--tenant',
    TENANT,
    '--url',
    stack.ingestUrl,
    '--key',
    PLATFORM_KEY,
  ]);
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (out += data.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
}

/** Lines that are awkward in every way that a line can be. */
const awkward = [
  'plain',
  '  leading and trailing spaces  ',
  'tab\tand "quotes" and \\backslashes\\ and \\n that is no newline',
  'a carriage return\rin the middle',
  'umlauts äöü, emoji 😀, Chinese 中文, U+2028 \u2028 and NUL \u0000',
  '{"message":"json in a line","n":12345678901234567890}',
  '","message":"not an injection"}',
  '\u001b[31mcolours\u001b[0m',
  'x'.repeat(100_000),
  ...Array.from({ length: 3_000 }, (_, i) => `2026-11-21 line ${i} of many`),
];

test('npm run send ships a file line by line, byte for byte, to CloudWatch and to S3', async () => {
  const file = join(dir, 'awkward.log');
  writeFileSync(file, `${awkward.join('\r\n')}\r\n\r\nwithout an end`);
  const { code, out } = await send(file, '--time', 'arrival', '--parallel', '1', '--quiet');
  expect(out).toContain(
    `${awkward.length + 2} lines: ${awkward.length + 1} accepted, 0 rejected, 1 empty`,
  );
  expect(code).toBe(0);
  const wanted = [...awkward, 'without an end'];
  await until(() => stack.messages('awkward').length >= wanted.length, { timeoutMs: 20_000 });
  expect(stack.messages('awkward').sort()).toEqual([...wanted].sort());
  const mine = () =>
    stack.objectLines().filter(({ event }) => wanted.includes(event.message as string));
  await until(() => mine().length >= wanted.length, { timeoutMs: 20_000 });
  expect(
    mine()
      .map(({ event }) => event.message as string)
      .sort(),
  ).toEqual([...wanted].sort());
}, 60_000);

test('log events that CloudWatch takes no more are dead letters with their reason, in S3 all the same, and can be looked at', async () => {
  const before = await stack.ledger('cloudwatch');
  const file = join(dir, 'old.log');
  writeFileSync(file, '2005-06-09 06:07:04 an old line\n2005-06-09 06:07:05 another old line\n');
  expect(await send(file, '--quiet')).toMatchObject({ code: 0 });
  await until(async () => (await stack.ledger('cloudwatch')).rejected === before.rejected + 2);
  expect((await stack.ledger('cloudwatch')).rejectedBy).toMatchObject({
    'cloudwatch.log_event_too_old': before.rejected + 2,
  });
  await until(
    () =>
      stack.objectLines().filter(({ key }) => key.startsWith('env0-deployments/2005/06/09/'))
        .length === 2,
  );

  interface Job {
    id: string;
    failedReason: string;
  }
  const failed = await until(async () => {
    const answer = await stack.console(
      '/queues/api/queues?activeQueue=cloudwatch&status=failed&page=1&jobsPerPage=10',
    );
    const { queues } = (await answer.json()) as { queues: { name: string; jobs: Job[] }[] };
    return queues.find(({ name }) => name === 'cloudwatch')?.jobs.at(0);
  });
  expect(failed.failedReason).toContain('cloudwatch.log_event_too_old');
  const page = await (await stack.console(`/batches/${failed.id}`)).text();
  expect(page).toContain('another old line');
  expect(page).toContain('more than 14 days old');
}, 30_000);

test('what is sent gzipped, as NDJSON, and with a bad line in between, is judged line by line', async () => {
  const lines = ['{"message":"good"}', 'not json', '{"message":""}', '{"message":"also good"}'];
  const response = await fetch(`${stack.ingestUrl}/v1/tenants/${TENANT}/events?type=deployment`, {
    method: 'POST',
    headers: { authorization: `Bearer ${PLATFORM_KEY}`, 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({
    accepted: 2,
    rejected: [
      { index: 1, code: 'event.invalid_json' },
      { index: 2, code: 'event.message_empty' },
    ],
  });
});

test('every ledger balances, and nothing was overwritten or repeated', async () => {
  await stack.settled();
  for (const id of ['cloudwatch', 's3'] as const) expect(imbalance(await stack.ledger(id))).toBe(0);
  expect(stack.aws.duplicateLogEvents()).toBe(0);
  expect(stack.aws.counters().objects.overwritten).toBe(0);
}, 30_000);
