import type { FailureCode, Notification } from '@logferry/core';
import { hasJobsToTake, JobFetcher } from '@logferry/queue';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import {
  HookTurns,
  NotificationQueue,
  NotificationWorker,
  type NotificationWorkerParts,
  type SendOutcome,
} from './index';
import type { Message } from './notification-queue';

let server: TestRedis;
let redis: Redis;
let queue: NotificationQueue;
const workers: NotificationWorker[] = [];
let sent: { message: Message; hasTurn: boolean }[] = [];
let outcomes: [outcome: SendOutcome, willRetry: boolean][] = [];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
  queue = new NotificationQueue(redis);
});
beforeEach(async () => {
  sent = [];
  outcomes = [];
  await redis.flushall();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop(5_000)));
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

const aNotification = (over: Partial<Notification> = {}): Notification => ({
  id: 'run:1',
  kind: 'run.failed',
  tenantId: 'acme',
  atMs: Date.now(),
  about: { sourceId: 'auth0' },
  ...over,
});

interface Behaviour {
  connection?: Redis;
  fetch?: NotificationWorkerParts['fetch'];
  channels?: readonly string[];
  answer?: (message: Message, hasTurn: boolean, nth: number) => SendOutcome | Promise<SendOutcome>;
  concurrency?: number;
}

/** @param idle how many of the workers that are opened fetch nothing at all, as after a failover */
const watched =
  (connection: Redis, idle = 0): NotificationWorkerParts['fetch'] =>
  ({ queue: jobs, open, ...parts }) => {
    let opened = 0;
    return new JobFetcher({
      ...parts,
      open: (process) => {
        const worker = open(process);
        if (opened++ < idle) void worker.pause(true);
        return worker;
      },
      hasWork: () => hasJobsToTake(connection, jobs),
      lookMs: 100,
      idleMsMax: 1_000,
    });
  };

function work({
  connection,
  fetch = watched(connection ?? redis),
  channels = ['slack'],
  answer = () => ({ kind: 'sent' }),
  concurrency = 8,
}: Behaviour = {}): void {
  const worker = new NotificationWorker({
    redis: connection ?? redis,
    fetch,
    channelsFor: () => Promise.resolve(channels),
    send: (message, { hasTurn }) => {
      sent.push({ message, hasTurn });
      return Promise.resolve(answer(message, hasTurn, sent.length));
    },
    onOutcome: (_message, outcome, willRetry) => void outcomes.push([outcome, willRetry]),
    onError: () => undefined,
    concurrency,
    backoff: { firstMs: 5, mostMs: 20 },
  });
  worker.start();
  workers.push(worker);
}

const code: FailureCode = 'channel.unavailable';

test('every channel is told once, however often and by however many it is noticed, and workers try', async () => {
  for (let i = 0; i < 3; i++) work({ channels: ['slack', 'hook'] });
  await Promise.all(Array.from({ length: 10 }, () => queue.add(aNotification())));
  await until(() => Promise.resolve(outcomes.length === 2));
  await queue.add(aNotification());
  await queue.add(aNotification({ id: 'run:2' }));
  await until(() => Promise.resolve(outcomes.length === 4));
  const told = sent.map(({ message }) => `${message.notification.id} ${message.channelId}`);
  expect(told.sort()).toEqual(['run:1 hook', 'run:1 slack', 'run:2 hook', 'run:2 slack']);
});

test('what was told is not told again when its jobs are forgotten', async () => {
  work();
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.length === 1));
  const jobs = await redis.keys('{lf}:notifications:*');
  await redis.del(...jobs);
  await queue.add(aNotification());
  await queue.add(aNotification({ tenantId: 'globex' }));
  await until(() => Promise.resolve(outcomes.length === 2));
  expect(sent.map(({ message }) => message.notification.tenantId)).toEqual(['acme', 'globex']);
});

test('a message that is not taken is sent again until it is', async () => {
  work({
    answer: (_message, _hasTurn, nth) => (nth < 4 ? { kind: 'again', code } : { kind: 'sent' }),
  });
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.at(-1)?.[0].kind === 'sent'));
  expect(sent).toHaveLength(4);
  expect(outcomes.map(([, willRetry]) => willRetry)).toEqual([true, true, true, false]);
});

test('a message that would be tried after more than a day is given up', async () => {
  const day = 24 * 3_600_000;
  work({ answer: () => ({ kind: 'again', code, waitMs: day }) });
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.length === 1));
  expect(outcomes).toEqual([[{ kind: 'again', code, waitMs: day }, false]]);
});

test('what can never be taken is not tried again', async () => {
  work({ answer: () => ({ kind: 'failed', code: 'channel.gone' }) });
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.length === 1));
  await queue.add(aNotification({ id: 'run:2' }));
  await until(() => Promise.resolve(outcomes.length === 2));
  expect(sent).toHaveLength(2);
});

test('whoever waited for its turn has it when it comes again', async () => {
  work({ answer: (_m, hasTurn) => (hasTurn ? { kind: 'sent' } : { kind: 'turn', waitMs: 30 }) });
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.length === 1));
  expect(sent.map(({ hasTurn }) => hasTurn)).toEqual([false, true]);
});

test('the hooks of one tenant that never answer keep nobody else from being told', async () => {
  const silence = Promise.withResolvers<SendOutcome>();
  work({
    channels: ['a', 'b', 'c', 'd', 'e'],
    answer: ({ notification }) =>
      notification.tenantId === 'acme' ? silence.promise : { kind: 'sent' },
  });
  for (let i = 0; i < 4; i++) await queue.add(aNotification({ id: `run:${i}` }));
  await until(() => Promise.resolve(sent.length > 0));
  await queue.add(aNotification({ tenantId: 'globex' }));
  await until(() => Promise.resolve(outcomes.length === 5));
  expect(new Set(outcomes.map(([{ kind }]) => kind))).toEqual(new Set(['sent']));
  silence.resolve({ kind: 'failed', code });
  await until(() => Promise.resolve(outcomes.length === 25), { timeoutMs: 30_000 });
}, 60_000);

test('what was left while nobody sent is told when somebody does', async () => {
  await queue.add(aNotification());
  expect(sent).toEqual([]);
  work();
  await until(() => Promise.resolve(outcomes.length === 1));
  expect(sent).toHaveLength(1);
});

test('what a console had in hand when it was killed is sent by another one', async () => {
  const dying = new Redis(server.url, { maxRetriesPerRequest: null });
  let began = 0;
  let answer = (_outcome: SendOutcome): void => undefined;
  const killed = new NotificationWorker({
    redis: dying,
    fetch: watched(dying),
    channelsFor: () => Promise.resolve(['slack']),
    send: () => {
      began++;
      return new Promise((resolve) => (answer = resolve));
    },
    onOutcome: () => undefined,
    onError: () => undefined,
  });
  killed.start();
  await queue.add(aNotification());
  await until(() => Promise.resolve(began === 1));
  dying.disconnect(); // its locks are renewed no more
  work();
  await until(() => Promise.resolve(outcomes.length === 1), { timeoutMs: 30_000 });
  expect(sent).toHaveLength(1);
  answer({ kind: 'sent' });
  await killed.stop(5_000).catch(() => undefined);
}, 60_000);

test('a worker that fetches nothing any more is replaced, and what waits is sent', async () => {
  work({ fetch: watched(redis, 1) });
  await queue.add(aNotification());
  await until(() => outcomes.length === 1, { timeoutMs: 20_000, what: 'it is sent' });
  expect(sent).toHaveLength(1);
});

test('a process ends although Redis hangs', async () => {
  const own = new Redis(server.url, { maxRetriesPerRequest: null });
  work({ connection: own });
  await queue.add(aNotification());
  await until(() => Promise.resolve(outcomes.length === 1));
  await server.pause();
  const began = performance.now();
  await workers.pop()?.stop(500);
  expect(performance.now() - began).toBeLessThan(5_000);
  await server.resume();
  own.disconnect();
});

test('turns at one hook are more than a second apart, and those at another are its own', async () => {
  const turns = new HookTurns(redis);
  const waits = [];
  const began = performance.now();
  for (let i = 0; i < 4; i++) waits.push(await turns.take('https://hooks.slack.com/services/A'));
  const passedMs = performance.now() - began;
  expect(await turns.take('https://hooks.slack.com/services/B')).toBe(0);
  expect(waits[0]).toBe(0);
  for (let i = 1; i < 4; i++) {
    expect(waits[i]).toBeGreaterThan(1_098 * i - passedMs);
    expect(waits[i]).toBeLessThanOrEqual(1_100 * i);
  }
});

test('whoever had a turn when the hook asked to wait has another one behind that', async () => {
  const turns = new HookTurns(redis);
  const url = 'https://hooks.slack.com/services/A';
  for (let i = 0; i < 3; i++) await turns.take(url);
  expect(await turns.keep(url)).toBe(0);
  const began = performance.now();
  await turns.pause(url, 5_000);
  const waits = [await turns.keep(url), await turns.keep(url)];
  const passedMs = performance.now() - began;
  expect(waits[0]).toBeGreaterThan(4_998 - passedMs);
  expect((waits[1] ?? 0) - (waits[0] ?? 0)).toBeGreaterThan(1_098 - passedMs);
  await until(async () => (await turns.keep(url)) === 0, { timeoutMs: 20_000 });
});

test('nobody has a turn as long as the hook has asked for, and its address is not found in Redis', async () => {
  const turns = new HookTurns(redis);
  const began = performance.now();
  await turns.pause('https://hooks.slack.com/services/secret', 30_000);
  const first = await turns.take('https://hooks.slack.com/services/secret');
  expect(first).toBeGreaterThan(29_998 - (performance.now() - began));
  await turns.pause('https://hooks.slack.com/services/secret', 10);
  const second = await turns.take('https://hooks.slack.com/services/secret');
  expect(second).toBeGreaterThan(31_098 - (performance.now() - began));
  expect((await redis.keys('*')).join(' ')).not.toContain('secret');
});
