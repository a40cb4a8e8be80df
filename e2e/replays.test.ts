// What was delivered is delivered again from what was kept, by real processes that are killed in the middle of it: at the moment at which
// AWS has their call, at that at which it has done what nobody has counted yet, and at that at which a kept batch has just become a new one.
import { imbalance, type Destination } from '@logferry/core';
import { until } from '@logferry/testing';
import type { App } from './app-environment';
import { Stack, TENANT } from './stack';

const APPS = ['credential-broker', 'ingest', 'console', 'cloudwatch-worker', 's3-worker'] as const;
const LOG_EVENTS = 40;
const KEEP = { forMs: 3_600_000, bytesMax: 64 * 1024 * 1024 };

interface Replay {
  id: string;
  state: 'running' | 'done' | 'cancelled';
  total: { batches: number; logEvents: number };
  replayed: { batches: number; logEvents: number };
  underWay: number;
  deadLettered: number;
}

interface Replays {
  kept: { batches: number; logEvents: number };
}

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ apps: APPS });
}, 120_000);
afterAll(() => stack.stop(), 60_000);

type Sink = Destination['type'];
const addressOf = (sink: Sink): string => `/v1/tenants/${TENANT}/destinations/${sink}`;

async function json<T>(path: string, method = 'GET', body?: object): Promise<T> {
  const init = { method, headers: { 'content-type': 'application/json' } };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await stack.console(path, { ...init, ...text });
  expect({ path, isOk: answer.ok }).toEqual({ path, isOk: true });
  return (await answer.json()) as T;
}

const keptOf = async (sink: Sink): Promise<Replays['kept']> =>
  (await json<Replays>(`${addressOf(sink)}/replays`)).kept;

/** Each in a stream of its own, and so in a batch of its own. */
async function deliver(name: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const message = `${name} ${i}`;
    const sent = await stack.send([{ message, attributes: { deploymentId: message } }]);
    expect(sent?.status).toBe(202);
    await stack.settled();
  }
}

/** How often each of the log events is there. */
function arrivals(sink: Sink, name: string, count: number): number[] {
  const lines = sink === 's3' ? stack.objectLines().map(({ event }) => event.message) : [];
  return Array.from({ length: count }, (_, i) => {
    const message = `${name} ${i}`;
    if (sink === 's3') return lines.filter((line) => line === message).length;
    return stack.messages(message).filter((one) => one === message).length;
  });
}

beforeAll(async () => {
  for (const sink of ['s3', 'cloudwatch'] as const) {
    const { [sink]: own, ...shown } = await json<Record<string, object>>(addressOf(sink));
    const asFastAsCan = { ...own, lingerMs: 0 };
    await json(addressOf(sink), 'PUT', { ...shown, [sink]: asFastAsCan, keep: KEEP });
  }
  await until(
    async () => {
      await deliver('warming up', 1);
      const kept = await Promise.all([keptOf('s3'), keptOf('cloudwatch')]);
      return kept.every(({ batches }) => batches > 0);
    },
    { timeoutMs: 60_000, intervalMs: 200, what: 'what is delivered is kept' },
  );
}, 120_000);

test.each([
  ['s3', 's3-worker', 'PutObject'],
  ['cloudwatch', 'cloudwatch-worker', 'PutLogEvents'],
] as const)(
  'a replay to %s whose workers are killed leaves nothing out, balances, and ends by itself',
  async (sink, worker: App, operation) => {
    const name = `replayed to ${sink}`;
    const from = new Date().toISOString();
    const before = await keptOf(sink);
    await deliver(name, LOG_EVENTS);
    const kept = await keptOf(sink);
    expect(arrivals(sink, name, LOG_EVENTS)).toEqual(Array(LOG_EVENTS).fill(1));
    const ledgerBefore = await stack.ledger(sink);

    const hanging = stack.aws.addFault({ match: { operation }, action: { kind: 'hang' } });
    const { id, total } = await json<Replay>(`${addressOf(sink)}/replays`, 'POST', { from });
    expect(total.logEvents).toBe(LOG_EVENTS);
    expect(total.batches).toBe(kept.batches - before.batches);
    expect(total.batches).toBe(LOG_EVENTS);
    const find = () => json<Replay>(`${addressOf(sink)}/replays/${id}`);
    const struck = (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> =>
      until(isSo, { timeoutMs: 60_000, intervalMs: 5, what }).then(async () => {
        await stack.kill(worker);
      });

    await struck('AWS has a call', () => hitsOf(hanging) > 0);
    stack.aws.clearFaults();
    const late = stack.aws.addFault({
      match: { operation },
      action: { kind: 'late-answer', forMs: 10_000 },
    });
    await stack.startApp(worker);
    await struck('AWS has done what nobody knows of', () => hitsOf(late) > 0);
    stack.aws.clearFaults();
    const { replayed } = await find();
    expect(replayed.batches).toBeLessThan(total.batches);
    // A few at a time are under way: it cannot be over before the worker is killed.
    stack.aws.addFault({ match: { operation }, action: { kind: 'latency', forMs: 2_000 } });
    await stack.startApp(worker);
    await struck('another batch was made', async () => {
      return (await find()).replayed.batches > replayed.batches;
    });
    expect((await find()).state).toBe('running');
    stack.aws.clearFaults();
    await stack.startApp(worker);

    await until(async () => (await find()).state === 'done', {
      timeoutMs: 120_000,
      intervalMs: 200,
      what: 'the replay is done',
    });
    expect(await find()).toMatchObject({ replayed: total, underWay: 0, deadLettered: 0 });
    const counts = arrivals(sink, name, LOG_EVENTS);
    // An object's key is its batch's: a batch that is put once more is there already. CloudWatch Logs takes it twice.
    if (sink === 's3') expect(counts).toEqual(Array(LOG_EVENTS).fill(2));
    else expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
    const ledger = await stack.ledger(sink);
    expect(imbalance(ledger)).toBe(0);
    expect(ledger.accepted - ledgerBefore.accepted).toBe(LOG_EVENTS);
    expect(ledger).toMatchObject({ delivered: ledger.accepted, waiting: 0 });
    expect(await keptOf(sink)).toEqual(kept);
  },
  240_000,
);

function hitsOf(faultId: string): number {
  return stack.aws.faults().find(({ id }) => id === faultId)?.hits ?? 0;
}
