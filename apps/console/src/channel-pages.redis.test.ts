// The pages of channels as whoever looks after them uses them: sees which do not work and why, and sends a test.
import { ChannelsTestbed } from './channels.testbed';
import { useConsoleTestbed, type Answer } from './console.testbed';

const bed = useConsoleTestbed();
const channels = new ChannelsTestbed(bed);
const API = '/v1/tenants/acme/channels';
const PAGE = '/tenants/acme/channels/ops';
const URL_OF_SLACK = 'https://hooks.slack.com/services/T0/B0/a-secret-of-slack';
const HOSTILE = '"\'><script>alert(1)</script><img src=x>';

beforeAll(() => channels.start());
beforeEach(async () => {
  await bed.redis.flushall();
  channels.hooks.reset();
  for (const tenant of ['acme', 'globex'])
    await bed.call(`/v1/tenants/${tenant}`, { method: 'PUT', body: {} });
});
afterAll(() => channels.stop());

const put = (id: string, over: object = {}, path = API) =>
  bed.call(`${path}/${id}`, {
    method: 'PUT',
    to: channels.app,
    body: { kind: 'slack', url: URL_OF_SLACK, ...over },
  });

const show = async (path: string, to = channels.app): Promise<string> => {
  const { status, text } = await bed.call(path, { to });
  expect([path, status]).toEqual([path, 200]);
  return text.replace(/\s+/g, ' ');
};

const press = (to = channels.app, headers: Record<string, string> = {}): Promise<Answer> =>
  bed.call(`${PAGE}/test`, {
    method: 'POST',
    type: 'application/x-www-form-urlencoded',
    body: '',
    headers: { origin: `http://127.0.0.1:${to.ports.http}`, ...headers },
    to,
  });

async function follow({ status, headers }: Answer): Promise<string> {
  expect(status).toBe(303);
  return show(headers.get('location') ?? '');
}

test('without any, it says so, and the overview leads there', async () => {
  expect(await show('/channels')).toContain('There are none.');
  expect((await bed.call('/')).text).toContain('href="/channels"');
});

test('each is listed with how it is, and nothing of its address but the host', async () => {
  await put('ops');
  await put('off', { enabled: false });
  await put('theirs', {}, '/v1/tenants/globex/channels');
  await bed.redis.hset('{lf}:channels:globex', 'broken', '{}');
  const text = await show('/channels');
  for (const part of [
    `<a href="${PAGE}">ops</a>`,
    'slack, hooks.slack.com',
    '<td>on</td>',
    '<td>off</td>',
    'href="/tenants/globex/channels/theirs"',
    'What is stored of it cannot be read: write it anew.',
  ])
    expect(text).toContain(part);
  expect(text).not.toMatch(/a-secret-of|sealed|v1\.k1/);
  expect(await show('/tenants/globex/channels/broken')).toContain('cannot be read');
});

test('they are listed page by page, a tenant never in halves', async () => {
  const sealedSecret = `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`;
  const stored = (id: string) => JSON.stringify({ id, kind: 'slack', host: 'x', sealedSecret });
  const tenants = Array.from({ length: 51 }, (_, i) => `tenant-${String(i).padStart(2, '0')}`);
  for (const id of tenants) {
    await bed.redis.hset('{lf}:tenants', id, JSON.stringify({ id }));
    await bed.redis.hset(`{lf}:channels:${id}`, { a: stored('a'), b: stored('b') });
  }
  const first = await show('/channels');
  const [, next = ''] = /<a href="(\/channels\?after=[^"]+)">More<\/a>/.exec(first) ?? [];
  const second = await show(next);
  for (const [i, id] of tenants.entries())
    for (const channel of ['a', 'b']) {
      const link = `/tenants/${id}/channels/${channel}"`;
      expect([first.includes(link), second.includes(link)]).toEqual([i < 50, i === 50]);
    }
  expect(second).not.toContain('More</a>');
});

test('a button sends a test, and what became of it is told', async () => {
  await put('ops', { events: ['run.failed'], sources: [], timeZone: 'Europe/Berlin' });
  const before = await show(PAGE);
  for (const part of ['run.failed', 'from 16:00 on, Europe/Berlin', '>none<', '>all<', 'none yet'])
    expect(before).toContain(part);
  expect(await follow(await press())).toContain('A message was taken.');
  expect(channels.hooks.messages).toHaveLength(1);
  channels.hooks.replies.push({ status: 404, body: 'no_service' });
  const failed = await follow(await press());
  for (const part of ['The message was not taken', 'channel.gone', 'left alone'])
    expect(failed).toContain(part);
  expect(await show('/channels')).toContain('channel.gone');
  expect(await follow(await press())).not.toContain('channel.gone');
});

test('what there is not is 404, and from another site no test is sent', async () => {
  expect((await bed.call(PAGE, { to: channels.app })).status).toBe(404);
  expect((await press()).status).toBe(404);
  await put('ops');
  expect((await press(channels.app, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await bed.call(`${PAGE}?evil=1`, { to: channels.app })).status).toBe(400);
  expect(channels.hooks.messages).toEqual([]);
});

test('where the console only shows, there is no button, and one that is pressed does nothing', async () => {
  await put('ops');
  expect(await show(PAGE, bed.readOnlyApp)).not.toContain('method="post"');
  expect((await press(bed.readOnlyApp)).status).toBe(405);
  expect(channels.hooks.messages).toEqual([]);
});

test('nothing that is stored or asked becomes markup', async () => {
  await put('ops');
  const stored = (await bed.redis.hget('{lf}:channels:acme', 'ops')) ?? '{}';
  const hostile = { ...(JSON.parse(stored) as object), host: HOSTILE };
  await bed.redis.hset('{lf}:channels:acme', 'ops', JSON.stringify(hostile));
  const evil = encodeURIComponent(HOSTILE);
  for (const path of ['/channels', `/channels?after=${evil}`, PAGE, `${PAGE}?done=${evil}`]) {
    const text = await show(path);
    expect(text).not.toMatch(/<script|<img/i);
    expect(text).toContain("default-src 'none'");
  }
  expect(await show(PAGE)).toContain('&#60;script&#62;alert(1)');
});

test("a tenant's key opens none of these pages", async () => {
  await put('ops');
  const { body } = await bed.json<{ key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'acme', tenant: 'acme', scopes: ['read', 'admin'] },
  });
  const headers = { authorization: `Bearer ${body.key}` };
  for (const path of ['/channels', PAGE])
    expect((await bed.call(path, { headers, to: channels.app })).status).toBe(404);
});
