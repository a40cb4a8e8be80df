import { until } from '@logferry/testing';
import { Failure, type AwsSession } from '@logferry/core';
import { StsTurns } from './sts-turns';
import { SessionCache, type SessionSubject } from './session-cache';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MARGIN_MS = 90_000;

const subject: SessionSubject = {
  tenantId: 'acme',
  destinationId: 'cw',
  kind: 'web_identity',
  roleArn: 'arn:aws:iam::123456789012:role/logferry',
  region: 'eu-central-1',
  durationSeconds: 3_600,
  policies: [],
};

/** A cache with an STS in the test's hand, and time and chance too. */
function world({ sessionsMax = 100, entropy = 0 } = {}) {
  const state = {
    nowMs: Date.UTC(2026, 10, 21),
    entropy,
    asked: [] as SessionSubject[],
    refreshErrors: [] as unknown[],
    answer: (): Promise<AwsSession> => Promise.resolve(aSession(state.nowMs + HOUR_MS)),
  };
  const cache = new SessionCache({
    sessionsMax,
    now: () => state.nowMs,
    entropy: () => state.entropy,
    fetch: (asked) => {
      state.asked.push(asked);
      return state.answer();
    },
    onRefreshError: (_, failure) => state.refreshErrors.push(failure),
  });
  return { cache, state };
}

let issued = 0;

function aSession(expiresAt: number): AwsSession {
  issued++;
  return { accessKeyId: `ASIA${issued}`, secretAccessKey: 'x', sessionToken: 'y', expiresAt };
}

/** Lets everything that is already decided happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('however many ask at once, STS is asked once', async () => {
  const { cache, state } = world();
  const sessions = await Promise.all(Array.from({ length: 100 }, () => cache.get(subject)));
  expect(new Set(sessions).size).toBe(1);
  expect(state.asked).toEqual([subject]);
});

test.each<[string, SessionSubject]>([
  ['tenant', { ...subject, tenantId: 'globex' }],
  ['policy', { ...subject, policies: ['{}'] }],
  ['kind', { ...subject, kind: 'assume_role' }],
  ['ExternalId', { ...subject, externalId: 'another' }],
  ['role', { ...subject, roleArn: 'arn:aws:iam::123456789012:role/other' }],
  ['region', { ...subject, region: 'us-east-1' }],
  ['duration', { ...subject, durationSeconds: 900 }],
])('another %s is another session', async (_, other) => {
  const { cache, state } = world();
  const [mine, theirs] = await Promise.all([cache.get(subject), cache.get(other)]);
  expect(theirs.accessKeyId).not.toBe(mine.accessKeyId);
  expect(await cache.get(subject)).toBe(mine);
  expect(await cache.get(other)).toBe(theirs);
  expect(state.asked).toEqual([subject, other]);
});

test('no two subjects can be written so that they look like one', async () => {
  const { cache, state } = world();
  await cache.get({ ...subject, tenantId: 'a","b', roleArn: 'c' });
  await cache.get({ ...subject, tenantId: 'a', roleArn: 'b","c' });
  expect(state.asked).toHaveLength(2);
});

test.each([
  [0, 0.8],
  [0.5, 0.7],
  [0.999_999, 0.6],
])('with chance %d a session is renewed after %d of its life', async (entropy, share) => {
  const { cache, state } = world({ entropy });
  await cache.get(subject);
  const renewedAfterMs = HOUR_MS * share;
  state.nowMs += renewedAfterMs - 1_000;
  await cache.get(subject);
  await settle();
  expect(state.asked).toHaveLength(1);
  state.nowMs += 2_000;
  await cache.get(subject);
  await settle();
  expect(state.asked).toHaveLength(2);
});

test('whoever asks while a session is renewed ahead of its end does not wait for it', async () => {
  const { cache, state } = world();
  const first = await cache.get(subject);
  state.nowMs += 0.9 * HOUR_MS;
  const fetched = Promise.withResolvers<AwsSession>();
  state.answer = () => fetched.promise;
  expect(await cache.get(subject)).toBe(first);
  expect(await cache.get(subject)).toBe(first);
  expect(state.asked).toHaveLength(2);
  const renewed = aSession(state.nowMs + HOUR_MS);
  fetched.resolve(renewed);
  await settle();
  expect(await cache.get(subject)).toBe(renewed);
});

test('while STS is away the last good session is the answer, until it is too short to use', async () => {
  const { cache, state } = world();
  const first = await cache.get(subject);
  const away = new Failure('credential.sts_unavailable');
  state.answer = () => Promise.reject(away);
  state.nowMs = first.expiresAt - MARGIN_MS - 1;
  expect(await cache.get(subject)).toBe(first);
  await settle();
  expect(state.refreshErrors).toEqual([away]);
  state.nowMs += 1;
  await expect(cache.get(subject)).rejects.toBe(away);
});

test('a renewal that failed is tried again after a quarter of a minute, not at every question', async () => {
  const { cache, state } = world();
  await cache.get(subject);
  state.answer = () => Promise.reject(new Failure('credential.sts_unavailable'));
  state.nowMs += 0.85 * HOUR_MS;
  for (let i = 0; i < 50; i++) await cache.get(subject);
  await settle();
  expect(state.asked).toHaveLength(2);
  state.nowMs += 15_000;
  await cache.get(subject);
  await settle();
  expect(state.asked).toHaveLength(3);
});

test('a session that AWS refused is thrown away and fetched anew', async () => {
  const { cache, state } = world();
  const first = await cache.get(subject);
  const second = await cache.get(subject, first.accessKeyId);
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
  // Another worker that held the refused one too gets the fresh one.
  expect(await cache.get(subject, first.accessKeyId)).toBe(second);
  expect(state.asked).toHaveLength(2);
});

test.each<[Failure | Error, number]>([
  [new Failure('credential.trust_denied'), 15_000],
  [new Failure('credential.throttled'), 5_000],
  [new Failure('credential.throttled', { retryAfterMs: 2_000 }), 2_000],
  [new Failure('credential.sts_unavailable'), 1_000],
  [new Error('a fault of ours'), 1_000],
])(
  '%s is the answer for its time without asking again, and then STS is asked again',
  async (failure, ms) => {
    const { cache, state } = world();
    state.answer = () => Promise.reject(failure);
    for (let i = 0; i < 10; i++) await expect(cache.get(subject)).rejects.toBe(failure);
    state.nowMs += ms - 1;
    await expect(cache.get(subject)).rejects.toBe(failure);
    expect(state.asked).toHaveLength(1);
    state.nowMs += 1;
    await expect(cache.get(subject)).rejects.toBe(failure);
    expect(state.asked).toHaveLength(2);
  },
);

test('who asks anew is told how the role is now, and so is everybody else then', async () => {
  const { cache, state } = world();
  const denied = new Failure('credential.trust_denied');
  state.answer = () => Promise.reject(denied);
  await expect(cache.get(subject)).rejects.toBe(denied);
  await expect(cache.getAnew(subject)).rejects.toBe(denied);
  expect(state.asked).toHaveLength(2);
  state.answer = () => Promise.resolve(aSession(state.nowMs + HOUR_MS));
  await expect(cache.get(subject)).rejects.toBe(denied);
  const session = await cache.getAnew(subject);
  expect(await cache.get(subject)).toBe(session);
  expect((await cache.getAnew(subject)).accessKeyId).not.toBe(session.accessKeyId);
});

test('who asks anew and is refused takes from nobody the session that is at hand', async () => {
  const { cache, state } = world();
  const session = await cache.get(subject);
  state.answer = () => Promise.reject(new Failure('credential.trust_denied'));
  await expect(cache.getAnew(subject)).rejects.toMatchObject({ code: 'credential.trust_denied' });
  expect(await cache.get(subject)).toBe(session);
});

test('however many ask anew at once, STS is asked once, and in turn', async () => {
  const { cache, state } = world();
  const fetched = Promise.withResolvers<AwsSession>();
  state.answer = () => fetched.promise;
  const asking = Array.from({ length: 100 }, () => cache.getAnew(subject));
  fetched.resolve(aSession(state.nowMs + HOUR_MS));
  expect(new Set(await Promise.all(asking)).size).toBe(1);
  expect(state.asked).toHaveLength(1);
});

test.each([
  new Failure('credential.throttled', { retryAfterMs: 2_000 }),
  new Failure('credential.sts_unavailable'),
])('%s is the answer for its time, also to who asks anew', async (failure) => {
  const { cache, state } = world();
  state.answer = () => Promise.reject(failure);
  await expect(cache.get(subject)).rejects.toBe(failure);
  await expect(cache.getAnew(subject)).rejects.toBe(failure);
  expect(state.asked).toHaveLength(1);
});

test('a failure is of its subject alone, and is forgotten with the first success', async () => {
  const { cache, state } = world();
  state.answer = () => Promise.reject(new Failure('credential.trust_denied'));
  await expect(cache.get(subject)).rejects.toMatchObject({ code: 'credential.trust_denied' });
  state.answer = () => Promise.resolve(aSession(state.nowMs + HOUR_MS));
  await expect(cache.get({ ...subject, tenantId: 'globex' })).resolves.toBeDefined();
  state.nowMs += 15_000;
  const session = await cache.get(subject);
  expect(await cache.get(subject)).toBe(session);
});

test('at most so many sessions are kept; the one that was fetched first makes room', async () => {
  const { cache, state } = world({ sessionsMax: 3 });
  const of = (i: number): SessionSubject => ({ ...subject, tenantId: `tenant-${i}` });
  for (let i = 1; i <= 3; i++) await cache.get(of(i));
  for (let i = 1; i <= 3; i++) await cache.get(of(i));
  expect(state.asked).toHaveLength(3);
  await cache.get(of(4));
  for (let i = 2; i <= 4; i++) await cache.get(of(i));
  expect(state.asked).toHaveLength(4);
  await cache.get(of(1));
  expect(state.asked).toHaveLength(5);
});

test('renewing a session does not push out another', async () => {
  const { cache, state } = world({ sessionsMax: 2 });
  const other = { ...subject, tenantId: 'globex' };
  const [first] = [await cache.get(subject), await cache.get(other)];
  await cache.get(subject, first.accessKeyId);
  await cache.get(other);
  expect(state.asked).toHaveLength(3);
});

test('at most so many failures are kept too', async () => {
  const { cache, state } = world({ sessionsMax: 2 });
  state.answer = () => Promise.reject(new Failure('credential.trust_denied'));
  const ask = (i: number): Promise<unknown> =>
    cache.get({ ...subject, tenantId: `tenant-${i}` }).catch((error: unknown) => error);
  for (const i of [1, 2, 3]) await ask(i);
  expect(state.asked).toHaveLength(3);
  await ask(3);
  expect(state.asked).toHaveLength(3);
  await ask(1);
  expect(state.asked).toHaveLength(4);
});

test('ten thousand cold roles are one call each, never more at once than may be, and none is forgotten', async () => {
  const calls = new Map<string, number>();
  let underWay = 0;
  let most = 0;
  const turns = new StsTurns({ callsPerSecond: 100_000, concurrencyMax: 64 });
  const cache = new SessionCache({
    sessionsMax: 50_000,
    turns,
    onRefreshError: () => undefined,
    fetch: async ({ roleArn }) => {
      calls.set(roleArn, (calls.get(roleArn) ?? 0) + 1);
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      const keys = { accessKeyId: roleArn, secretAccessKey: 'x', sessionToken: 'y' };
      return { ...keys, expiresAt: Date.now() + 3_600_000 };
    },
  });
  const role = (i: number): SessionSubject => ({
    ...subject,
    tenantId: `tenant-${i % 2_000}`,
    roleArn: `role-${i}`,
  });
  const ask = (i: number) => cache.get(role(i)).catch((error: { code: string }) => error.code);
  // Three workers ask for all of them.
  const all = Array.from({ length: 30_000 }, (_, i) => ask(i % 10_000));
  for (const answer of await Promise.all(all))
    if (answer !== 'credential.rationed') expect(answer).toHaveProperty('accessKeyId');
  await until(() => calls.size === 10_000 && underWay === 0);
  expect([...calls.values()].every((count) => count === 1)).toBe(true);
  expect(most).toBeLessThanOrEqual(64);
  expect(await ask(0)).toHaveProperty('accessKeyId', 'role-0');
});

test('whoever waits too long for his turn comes back later, and finds what he asked for', async () => {
  let go: (giveBack: () => void) => void = () => undefined;
  const turn = new Promise<() => void>((resolve) => (go = resolve));
  const session = { accessKeyId: 'A', secretAccessKey: 'x', expiresAt: Date.now() + 3_600_000 };
  const cache = new SessionCache({
    sessionsMax: 10,
    turns: { take: () => turn, waitMs: 7_000 },
    onRefreshError: () => undefined,
    fetch: () => Promise.resolve(session),
  });
  await expect(cache.get(subject)).rejects.toMatchObject({
    code: 'credential.rationed',
    disposition: 'defer',
    retryAfterMs: 7_000,
  });
  go(() => undefined);
  expect(await cache.get(subject)).toEqual(session);
});
