// Channels over HTTP, and what they are told: of Slack and of webhooks, by consoles that share the work.
import { shardOf, Source, type Notification } from '@logferry/core';
import { isSignedBy, NotificationQueue } from '@logferry/notifications';
import { Holds } from '@logferry/queue';
import { ConfigStore } from '@logferry/store';
import { aCloudWatchLane, until } from '@logferry/testing';
import { ChannelsTestbed } from './channels.testbed';
import { aDestination } from './api-examples';
import { SHARDS, useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();
const channels = new ChannelsTestbed(bed);
let queue: NotificationQueue;

const SLACK_PATH = '/services/T0/B0/a-secret-of-slack';
const SLACK_URL = `https://hooks.slack.com${SLACK_PATH}`;
const HOOK_URL = 'https://ops.acme.com/hooks/a-secret-of-acme';
const PATH = '/v1/tenants/acme/channels';

beforeAll(async () => {
  await channels.start();
  queue = new NotificationQueue(bed.redis);
});
beforeEach(async () => {
  await bed.redis.flushall();
  channels.hooks.reset();
  for (const tenant of ['acme', 'globex'])
    await bed.call(`/v1/tenants/${tenant}`, { method: 'PUT', body: {} });
});
afterAll(async () => {
  await queue.close();
  await channels.stop();
});

const aSource = Source.parse({
  id: 'auth0',
  type: 'auth0',
  domain: 'acme.eu.auth0.com',
  clientId: 'client',
  sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`,
});

interface Answer {
  code?: string;
  problems?: { path: string; message: string }[];
  version: number;
  signingSecret?: string;
  key?: string;
  channels?: object[];
  outcome?: string;
}

const put = (id: string, body: object, path = PATH) =>
  bed.json<Answer>(`${path}/${id}`, { method: 'PUT', to: channels.app, body });
const slack = (over: object = {}) => put('slack', { kind: 'slack', url: SLACK_URL, ...over });
const webhook = (over: object = {}) => put('hook', { kind: 'webhook', url: HOOK_URL, ...over });
const get = (path: string) => bed.json<Answer>(path, { to: channels.app });
const post = (path: string) => bed.json<Answer>(path, { method: 'POST', to: channels.app });

const aNotification = (over: Partial<Notification> = {}): Notification => ({
  id: 'suspended:logs:1',
  kind: 'destination.suspended',
  tenantId: 'acme',
  atMs: Date.now(),
  about: { destinationId: 'logs' },
  code: 's3.bucket_missing',
  ...over,
});
const received = (count: number) =>
  until(() => Promise.resolve(channels.hooks.messages.length === count));
const state = async () => (await get(`${PATH}/slack/state`)).body;

async function everythingInRedis(): Promise<string> {
  const texts: unknown[] = [];
  for (const key of await bed.redis.keys('*')) {
    const type = await bed.redis.type(key);
    if (type === 'hash') texts.push(await bed.redis.hgetall(key));
    else if (type === 'stream') texts.push(await bed.redis.xrange(key, '-', '+'));
    else if (type === 'string') texts.push(await bed.redis.get(key));
    texts.push(key);
  }
  return JSON.stringify(texts);
}

test('an address is sealed, and found nowhere: not in an answer, the trail or Redis, also after a message', async () => {
  const answers = [await slack(), await webhook(), await put('slack', { kind: 'slack' })];
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 200]);
  await queue.add(aNotification());
  await received(2);
  for (const path of [PATH, `${PATH}/slack`, `${PATH}/slack/state`, '/v1/audit?limit=50'])
    answers.push(await get(path));
  expect(answers[0]?.body).toMatchObject({ kind: 'slack', host: 'hooks.slack.com' });
  const stored = (await bed.redis.hget('{lf}:channels:acme', 'slack')) ?? '';
  expect(stored).toContain('sealedSecret');
  const texts = JSON.stringify(answers);
  expect(texts + (await everythingInRedis())).not.toMatch(/a-secret-of/);
  expect(texts).not.toContain((JSON.parse(stored) as { sealedSecret: string }).sealedSecret);
});

test('a signing secret that was made is told once, and a new one with a new address', async () => {
  const made = await webhook();
  expect(made.body.signingSecret).toMatch(/^whsec_/);
  const { signingSecret } = made.body;
  expect((await get(`${PATH}/hook`)).body).not.toHaveProperty('signingSecret');
  const changed = await put('hook', { kind: 'webhook', dailyReportHour: 8 });
  expect(changed).toMatchObject({ status: 200, body: { dailyReportHour: 8 } });
  expect(changed.body).not.toHaveProperty('signingSecret');
  expect((await webhook()).body.signingSecret).not.toBe(signingSecret);
  expect(JSON.stringify((await get('/v1/audit?limit=50')).body)).not.toContain('whsec_');
  const own = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  expect((await webhook({ signingSecret: own })).body).not.toHaveProperty('signingSecret');
});

test.each([
  [{ kind: 'slack' }, '$.url'],
  [{ kind: 'slack', url: 'http://hooks.slack.com/services/T/B/x' }, '$.url'],
  [{ kind: 'slack', url: 'https://ops.acme.com/services/T/B/x' }, '$.url'],
  [{ kind: 'webhook', url: 'https://169.254.169.254/latest/meta-data' }, '$.url'],
  [{ kind: 'webhook', url: 'https://localhost/x' }, '$.url'],
  [{ kind: 'slack', url: SLACK_URL, signingSecret: `whsec_${'a'.repeat(44)}` }, '$.signingSecret'],
  [{ kind: 'slack', url: SLACK_URL, sealedSecret: 'v1.k1.x.y' }, '$.sealedSecret'],
  [{ kind: 'slack', url: SLACK_URL, events: ['everything'] }, '$.events[0]'],
])('what is wrong with %j is said by its place', async (body, path) => {
  const answer = await put('slack', body);
  expect(answer).toMatchObject({ status: 422, body: { code: 'config.invalid' } });
  expect(answer.body.problems?.[0]?.path).toBe(path);
});

test('a key of a tenant sees and changes the channels of its own, and those of nobody else', async () => {
  await slack();
  const key = async (tenant: string): Promise<string> =>
    (
      await bed.json<Answer>('/v1/keys', {
        method: 'POST',
        body: { name: tenant, tenant, scopes: ['admin', 'read'] },
      })
    ).body.key ?? '';
  const asked = async (tenant: string) => {
    const headers = { authorization: `Bearer ${await key(tenant)}` };
    const to = channels.app;
    return Promise.all([
      bed.call(PATH, { to, headers }),
      bed.call(`${PATH}/slack`, { to, headers }),
      bed.call(`${PATH}/slack/state`, { to, headers }),
      bed.call(`${PATH}/slack/test`, { to, headers, method: 'POST' }),
      bed.call(`${PATH}/other`, {
        to,
        headers,
        method: 'PUT',
        body: { kind: 'slack', url: SLACK_URL },
      }),
    ]).then((answers) => answers.map(({ status }) => status));
  };
  expect(await asked('globex')).toEqual([404, 404, 404, 404, 404]);
  expect(channels.hooks.messages).toHaveLength(0);
  expect(await asked('acme')).toEqual([200, 200, 200, 200, 201]);
});

test('however many consoles there are, and however often it is noticed, each channel that wants it is told once', async () => {
  const other = await channels.startConsole();
  await slack();
  await webhook({ events: ['run.failed'] });
  await put(
    'globex',
    { kind: 'slack', url: SLACK_URL.replace('T0', 'T9') },
    '/v1/tenants/globex/channels',
  );
  for (let i = 0; i < 5; i++) await queue.add(aNotification());
  await queue.add(aNotification({ id: 'run:7', kind: 'run.failed', about: { sourceId: 'auth0' } }));
  await received(3);
  await until(async () => (await bed.redis.hget('{lf}:channelState:acme/slack', 'sent')) === '2');
  const paths = channels.hooks.messages.map(({ path }) => path).sort();
  expect(paths).toEqual(['/hooks/a-secret-of-acme', SLACK_PATH, SLACK_PATH]);
  const [first] = channels.hooks.messages.filter(({ path }) => path === SLACK_PATH);
  expect(JSON.parse(first?.text ?? '')).toMatchObject({ icon_emoji: ':rocket:' });
  await other.close();
});

test('a webhook can tell that its message is ours, and has a mail that is ready', async () => {
  const { signingSecret = '' } = (await webhook()).body;
  await queue.add(aNotification());
  await received(1);
  const { headers = {}, text = '' } = channels.hooks.messages[0] ?? {};
  const signed = {
    id: String(headers['webhook-id']),
    timestampSeconds: Number(headers['webhook-timestamp']),
    body: text,
  };
  expect(Math.abs(Date.now() / 1_000 - signed.timestampSeconds)).toBeLessThan(60);
  expect(isSignedBy(signingSecret, signed, String(headers['webhook-signature']))).toBe(true);
  expect(JSON.parse(text)).toMatchObject({
    type: 'destination.suspended',
    data: {
      id: 'suspended:logs:1',
      tenant: 'acme',
      destination: 'logs',
      code: 's3.bucket_missing',
      fault: 'tenant',
      mail: { subject: expect.stringContaining('the destination logs') as string },
    },
  });
});

test('a hook of Slack that is gone is told of and left alone, and a test that succeeds takes it back', async () => {
  await slack();
  channels.hooks.replies.push({ status: 404, body: 'no_service' });
  await queue.add(aNotification());
  await until(async () => (await bed.redis.hget('{lf}:channelState:acme/slack', 'failed')) === '1');
  expect(await state()).toMatchObject({
    failed: 1,
    lastProblem: { code: 'channel.gone' },
    pausedUntil: expect.any(String) as string,
  });
  await queue.add(aNotification({ id: 'another' }));
  await until(async () => (await bed.redis.hget('{lf}:channelState:acme/slack', 'failed')) === '2');
  expect(channels.hooks.messages).toHaveLength(1);
  expect((await post(`${PATH}/slack/test`)).body).toEqual({ outcome: 'sent' });
  expect(await state()).toMatchObject({ sent: 1, lastProblem: null, pausedUntil: null });
  await queue.add(aNotification({ id: 'a third' }));
  await received(3);
});

test('another address of a channel is tried at once', async () => {
  await slack();
  channels.hooks.replies.push({ status: 410, body: 'channel_is_archived' });
  await queue.add(aNotification());
  await until(async () => (await bed.redis.hget('{lf}:channelState:acme/slack', 'failed')) === '1');
  await slack({ url: SLACK_URL.replace('T0', 'T1') });
  expect(await state()).toMatchObject({ pausedUntil: null });
  await queue.add(aNotification({ id: 'another' }));
  await received(2);
});

test('a message comes again after what asked it to wait, and not sooner', async () => {
  await slack();
  channels.hooks.replies.push({ status: 429, headers: { 'retry-after': '2' } });
  await queue.add(aNotification());
  await received(2);
  const [refused, taken] = channels.hooks.messages.map(({ atMs }) => atMs);
  expect((taken ?? 0) - (refused ?? 0)).toBeGreaterThan(1_900);
});

test('what waited for its turn when the hook asked to wait, waits too', async () => {
  await slack();
  channels.hooks.replies.push({ status: 429, headers: { 'retry-after': '2' } });
  for (let i = 0; i < 2; i++) await queue.add(aNotification({ id: `burst-${i}` }));
  await received(3);
  const [refused = 0, ...taken] = channels.hooks.messages.map(({ atMs }) => atMs);
  expect(Math.min(...taken) - refused).toBeGreaterThan(1_900);
});

test('messages of one hook are a second apart', async () => {
  await slack();
  const from = Date.now();
  for (let i = 0; i < 3; i++) await queue.add(aNotification({ id: `burst-${i}` }));
  await received(3);
  const times = channels.hooks.messages.map(({ atMs }) => atMs).sort((a, b) => a - b);
  for (const [i, atMs] of times.entries()) expect(atMs - from).toBeGreaterThanOrEqual(i * 1_000);
});

test('what a receiver does not take is told by a test, in our words', async () => {
  await webhook();
  channels.hooks.replies.push({ status: 422, body: 'an answer that is nobody’s business' });
  const answer = await post(`${PATH}/hook/test`);
  expect(answer.body).toMatchObject({ outcome: 'failed', code: 'channel.refused' });
  expect(JSON.stringify(answer.body)).not.toContain('nobody');
});

test('a redirect is not followed', async () => {
  await webhook();
  channels.hooks.replies.push({ status: 302, headers: { location: `${channels.hooks.url}/x` } });
  expect((await post(`${PATH}/hook/test`)).body).toMatchObject({ code: 'channel.gone' });
  expect(channels.hooks.messages).toHaveLength(1);
});

test('a channel that is deleted is told nothing, and with its tenant all of them go', async () => {
  await slack();
  const gone = await bed.json(`${PATH}/slack`, { method: 'DELETE', to: channels.app });
  expect(gone).toMatchObject({ status: 200, body: { id: 'slack', outcome: 'deleted' } });
  expect((await get(`${PATH}/slack`)).status).toBe(404);
  await webhook();
  await bed.call('/v1/tenants/acme', { method: 'DELETE', to: channels.app });
  expect(await bed.redis.exists('{lf}:channels:acme')).toBe(0);
});

test('of two who change what they read, the second is told; a page and a channel have their versions', async () => {
  const { version } = (await slack()).body;
  const headers = { 'if-match': `"${version}"` };
  const change = (dailyReportHour: number) =>
    bed.call(`${PATH}/slack`, {
      method: 'PUT',
      to: channels.app,
      headers,
      body: { kind: 'slack', dailyReportHour },
    });
  expect((await change(8)).status).toBe(200);
  expect((await change(9)).status).toBe(412);
  expect((await get(PATH)).body.channels).toEqual([
    expect.objectContaining({ id: 'slack', dailyReportHour: 8, version: version + 1 }),
  ]);
});

test('a tenant has a bounded number of channels', async () => {
  for (let i = 0; i < 20; i++) await put(`c${i}`, { kind: 'slack', url: SLACK_URL });
  expect(await put('one-more', { kind: 'slack', url: SLACK_URL })).toMatchObject({
    status: 409,
    body: { code: 'config.too_many' },
  });
  expect((await put('c3', { kind: 'slack' })).status).toBe(200);
});

test('a destination that is suspended is told of by the consoles themselves, once, and so is the day’s report', async () => {
  await slack({ events: ['destination.suspended'] });
  await webhook({ events: ['report.daily'], dailyReportHour: 0 });
  await bed.call('/v1/tenants/acme/destinations/cw', { method: 'PUT', body: aDestination });
  await new ConfigStore(bed.redis).putSource('acme', aSource);
  const batchId = await bed.send(aCloudWatchLane(), ['x']);
  const shard = shardOf('acme', 'cw', SHARDS);
  const failure = { code: 'cloudwatch.access_denied', says: 'suspended' } as const;
  await new Holds(bed.redis, shard).fail(batchId, {
    ...failure,
    countsAttempt: false,
    isProbe: false,
  });
  // What runs of sources come to is looked at once a minute, and may have been just now.
  await until(() => channels.hooks.messages.length === 2, { timeoutMs: 90_000 });
  const textAt = (path: string) => channels.hooks.messages.find((one) => one.path === path)?.text;
  expect(textAt(SLACK_PATH)).toContain('logs:PutLogEvents');
  expect(textAt('/hooks/a-secret-of-acme')).toContain('"report.daily"');
}, 120_000);

test('a console that only shows neither changes nor tests nor sends', async () => {
  await slack();
  const to = bed.readOnlyApp;
  const statuses = await Promise.all([
    bed.call(`${PATH}/slack`, { method: 'PUT', to, body: { kind: 'slack' } }),
    bed.call(`${PATH}/slack`, { method: 'DELETE', to }),
    bed.call(`${PATH}/slack/test`, { method: 'POST', to }),
  ]);
  expect(statuses.map(({ status }) => status)).toEqual([405, 405, 405]);
});
