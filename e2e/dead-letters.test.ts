// What AWS refuses is not lost: it is found at the console, corrected, sent back, and arrives.
import { until } from '@logferry/testing';
import { Stack, TENANT } from './stack';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
}, 120_000);

afterAll(async () => {
  await stack.stop();
}, 30_000);

interface Listed {
  deadLetters: { id: string; logEvents: number; reason: string; message: string }[];
}

async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await stack.console(path, init);
  expect({ path, status: answer.status }).toEqual({
    path,
    status: answer.ok ? answer.status : 200,
  });
  return (await answer.json()) as T;
}

const address = `/v1/dead-letters?tenant=${TENANT}&sink=cloudwatch`;

/** Waits until the log events that were refused are a dead letter whose job has failed. */
async function refused(count: number): Promise<Listed['deadLetters'][number]> {
  let found: Listed['deadLetters'] = [];
  await until(async () => {
    found = (
      await json<Listed & { deadLetters: { redriving: boolean }[] }>(address)
    ).deadLetters.filter((one) => 'redriving' in one && !one.redriving);
    return found.length === 1 && found[0]?.logEvents === count;
  });
  const [deadLetter] = found;
  if (deadLetter === undefined) throw new Error('there is one');
  return deadLetter;
}

test('log events that are too old are corrected and delivered, and the rest was never held up', async () => {
  const old = new Date(Date.now() - 20 * 86_400_000).toISOString();
  const attributes = { deploymentId: 'dep-old' };
  await stack.send([
    { message: 'fresh', attributes },
    { message: 'old one', time: old, attributes },
    { message: 'old two', time: old, attributes },
  ]);
  await until(() => stack.messages('dep-old').length === 1);
  const { id, reason, message } = await refused(2);
  expect(reason).toBe('cloudwatch.log_event_too_old');
  expect(message).toContain('more than 14 days old');
  expect(await stack.ledger('cloudwatch')).toMatchObject({
    accepted: 3,
    delivered: 1,
    rejected: 2,
  });

  // Sent back as it is, it is refused again, and is not lost.
  await json(`/v1/dead-letters/${id}/redrive`, { method: 'POST' });
  const again = await refused(2).then((found) => found.id);
  const text = await (await stack.console(`/v1/dead-letters/${again}/log-events`)).text();
  expect(text).toContain(`{"time":"${old}","message":"old one"}`);
  await json(`/v1/dead-letters/${again}/log-events`, {
    method: 'PUT',
    headers: { 'content-type': 'application/x-ndjson' },
    body: text.replaceAll(old, new Date().toISOString()),
  });
  await json('/v1/dead-letters/redrive', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { tenant: TENANT, reason } }),
  });
  await until(() => stack.messages('dep-old').length === 3);
  expect(stack.messages('dep-old').sort()).toEqual(['fresh', 'old one', 'old two']);
  await stack.settled();
  expect(await stack.ledger('cloudwatch')).toMatchObject({
    accepted: 3,
    delivered: 3,
    rejected: 0,
  });
}, 30_000);

test('what nobody wants any more is discarded, and stays counted', async () => {
  const time = new Date(Date.now() - 20 * 86_400_000).toISOString();
  const before = await stack.ledger('cloudwatch');
  await stack.send([{ message: 'useless', time, attributes: { deploymentId: 'dep-2' } }]);
  await refused(1);
  const discard = (body: object): Promise<Response> =>
    stack.console('/v1/dead-letters/discard', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ filter: { tenant: TENANT, sink: 'cloudwatch' }, ...body }),
    });
  expect((await discard({})).status).toBe(409);
  expect(await (await discard({ confirm: 1 })).json()).toMatchObject({
    discarded: 1,
    cursor: null,
  });
  expect((await json<Listed>(address)).deadLetters).toEqual([]);
  expect(await stack.ledger('cloudwatch')).toMatchObject({
    accepted: before.accepted + 1,
    rejected: 1,
    discarded: 1,
  });
}, 30_000);
