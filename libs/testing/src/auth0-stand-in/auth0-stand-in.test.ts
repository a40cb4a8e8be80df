import { startAuth0StandIn, type Auth0StandIn } from './start-auth0-stand-in';
import type { Auth0Tenant } from './auth0-tenant';

const DOMAIN = 'acme.eu.auth0.com';
const CLIENT = { clientId: 'exporter', clientSecret: 'a secret of the client' };

let nowMs = Date.UTC(2026, 10, 21, 12);
let auth0: Auth0StandIn;
let acme: Auth0Tenant;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 10, 21, 12);
  auth0 = await startAuth0StandIn({ nowMs: () => nowMs });
  acme = auth0.addTenant({ domain: DOMAIN, clients: [CLIENT] });
});
afterEach(() => auth0.stop());

interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

async function reply(response: Promise<Response>): Promise<Reply> {
  const found = await response;
  return { status: found.status, headers: found.headers, body: await found.json() };
}

function askToken(change: Record<string, string> = {}): Promise<Reply> {
  const body = {
    grant_type: 'client_credentials',
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    audience: `https://${DOMAIN}/api/v2/`,
    ...change,
  };
  return reply(
    fetch(`${auth0.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
}

async function token(): Promise<string> {
  return ((await askToken()).body as { access_token: string }).access_token;
}

async function get(path: string, bearer?: string): Promise<Reply> {
  const authorization = `Bearer ${bearer ?? (await token())}`;
  return reply(fetch(`${auth0.url}/api/v2/logs${path}`, { headers: { authorization } }));
}

const idsOf = ({ body }: Reply): string[] =>
  (body as { log_id: string }[]).map(({ log_id }) => log_id);

describe('tokens', () => {
  test('a client with its secret gets one, for a day, by JSON and by form', async () => {
    const { status, body } = await askToken();
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: 'read:logs', expires_in: 86_400, token_type: 'Bearer' });
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      audience: acme.audience,
    });
    const response = await fetch(`${auth0.url}/oauth/token`, { method: 'POST', body: form });
    expect(response.status).toBe(200);
  });

  test.each([
    [{ client_secret: 'another' }, 401, 'access_denied'],
    [{ client_id: 'nobody' }, 401, 'access_denied'],
    [{ audience: 'https://other.eu.auth0.com/api/v2/' }, 403, 'access_denied'],
    [{ grant_type: 'password' }, 403, 'unauthorized_client'],
  ])('with %j it is refused', async (change, status, error) => {
    expect(await askToken(change)).toMatchObject({ status, body: { error } });
  });

  test('a client without a scope has no grant, and one with another scope may not read logs', async () => {
    acme.clients.set('idle', { ...CLIENT, clientId: 'idle', scopes: [] });
    expect(await askToken({ client_id: 'idle' })).toMatchObject({ status: 403 });
    acme.clients.set('other', { ...CLIENT, clientId: 'other', scopes: ['read:users'] });
    const { body } = await askToken({ client_id: 'other' });
    expect(await get('', (body as { access_token: string }).access_token)).toMatchObject({
      status: 403,
      body: { errorCode: 'insufficient_scope' },
    });
  });

  test('one that is over, revoked, of another tenant or nonsense is refused with 401', async () => {
    const old = await token();
    expect(await get('', 'nonsense')).toMatchObject({ status: 401 });
    nowMs += 86_400_000;
    expect(await get('', old)).toMatchObject({
      status: 401,
      body: { message: 'Expired token received for JSON Web Token validation' },
    });
    const fresh = await token();
    expect(await get('', fresh)).toMatchObject({ status: 200 });
    acme.revokeTokens();
    expect(await get('', fresh)).toMatchObject({ status: 401, body: { message: 'Invalid token' } });
    const none = await reply(fetch(`${auth0.url}/api/v2/logs`));
    expect(none).toMatchObject({ status: 401, body: { message: 'Missing authentication' } });
  });

  test('it leads to its own tenant: one stand-in serves many', async () => {
    const other = auth0.addTenant({ domain: 'other.auth0.com', clients: [CLIENT] });
    acme.fill(1);
    const { body } = await askToken({ audience: other.audience });
    const { access_token } = body as { access_token: string };
    expect((await get('', access_token)).body).toEqual([]);
    expect((await get('')).body).toHaveLength(1);
  });
});

describe('pages', () => {
  test('the log events newer than an id come in the order of their ids, with the address of the next page', async () => {
    const ids = acme.fill(250).map(({ log_id }) => log_id);
    const found = [];
    let from = '0';
    for (let pages = 0; pages < 4; pages++) {
      const page = await get(`?from=${from}&take=100`);
      found.push(...idsOf(page));
      const link = page.headers.get('link') ?? '';
      expect(link).toMatch(/^<https:\/\/acme\.eu\.auth0\.com\/api\/v2\/logs\?.*>; rel="next"$/);
      from = new URL(link.slice(1, link.indexOf('>'))).searchParams.get('from') ?? '';
    }
    expect(found).toEqual(ids);
    expect(from).toBe(ids.at(-1));
  });

  test('every parameter beside from and take is ignored', async () => {
    const [first, , third] = acme.fill(3, { types: ['s', 'f'] });
    const { body } = await get(`?from=${first?.log_id}&take=2&q=type:s&page=7&sort=date:-1`);
    expect(body).toMatchObject([{ type: 'f' }, { log_id: third?.log_id, _id: third?.log_id }]);
  });

  test('the order is that of arrival, not that of the events', async () => {
    acme.add({ type: 's', date: '2026-11-21T11:00:00.000Z' });
    acme.add({ type: 'f', date: '2026-11-21T10:00:00.000Z' });
    expect((await get('?from=0')).body).toMatchObject([{ type: 's' }, { type: 'f' }]);
    expect((await get('?sort=date:1')).body).toMatchObject([{ type: 'f' }, { type: 's' }]);
  });

  test('a checkpoint that is gone leads to what is kept behind it', async () => {
    const ids = acme.fill(10).map(({ log_id }) => log_id);
    acme.log.dropOldest(5);
    expect(idsOf(await get(`?from=${ids[2]}`))).toEqual(ids.slice(5));
  });

  test.each([
    ['?from=0&take=100', 200],
    ['?from=0&take=101', 400],
    ['?from=0&take=0', 400],
    ['?from=0&take=many', 400],
    ['?from=abc', 400],
    ['?per_page=101', 400],
    ['?sort=name:1', 400],
    ['?q=type:(', 400],
    ['/nothing', 404],
    ['/a/b', 404],
  ])('%s is answered with %i', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });
});

test('a query that is too long is refused with 414', async () => {
  expect((await get(`?q=${'x'.repeat(5_000)}`)).status).toBe(414);
});

describe('search', () => {
  test('oldest first, page by page, and no more than 1,000', async () => {
    const ids = acme.fill(1_200).map(({ log_id }) => log_id);
    expect(idsOf(await get('?per_page=100&page=0&sort=date:1'))).toEqual(ids.slice(0, 100));
    expect(idsOf(await get('?per_page=100&page=9&sort=date:1'))).toEqual(ids.slice(900, 1_000));
    expect(await get('?per_page=100&page=10&sort=date:1')).toMatchObject({ status: 400 });
    const totals = await get('?per_page=1&include_totals=true');
    expect(totals.body).toMatchObject({ start: 0, limit: 1, length: 1, total: 1_200 });
    expect(acme.calls.filter(({ logs }) => logs !== undefined).map(({ logs }) => logs)).toEqual([
      100, 100, 1,
    ]);
  });

  test.each([
    ['type:fp', 2],
    ['type:fp OR type:ss', 3],
    ['type:(s OR ss)', 2],
    ['type:s*', 2],
    ['ip:"203.0.113.9"', 1],
    ['type:fp AND ip:203.0.113.9', 1],
    ['date:[2026-11-21T10:30:00.000Z TO *]', 2],
    ['details.error.code:401', 1],
    ['', 4],
  ])('%s finds %i', async (query, count) => {
    const date = (hour: number): string => `2026-11-21T${hour}:00:00.000Z`;
    acme.add(
      { type: 's', date: date(10) },
      { type: 'fp', ip: '203.0.113.9', date: date(10) },
      { type: 'fp', date: date(11) },
      { type: 'ss', date: date(11), details: { error: { code: 401 } } },
    );
    expect((await get(`?q=${encodeURIComponent(query)}`)).body).toHaveLength(count);
  });

  test('one by its id, and fields that are left out', async () => {
    const [log] = acme.fill(1);
    expect((await get(`/${log?.log_id}`)).body).toEqual(log);
    expect((await get('?fields=type,date')).body).toEqual([{ type: log?.type, date: log?.date }]);
  });
});

test('what is older than the retention is gone', async () => {
  acme.log.retentionMs = 3_600_000;
  const [first] = acme.fill(2, { everyMs: 1_800_000 });
  expect((await get('?from=0')).body).toHaveLength(2);
  nowMs += 1_800_001;
  expect((await get('?from=0')).body).toHaveLength(1);
  expect(await get(`/${first?.log_id}`)).toMatchObject({ status: 404 });
});

describe('the rate limit', () => {
  test('counts down a burst, refuses what is beyond it, and gives back so many a second', async () => {
    acme.setRateLimit({ burst: 3, perSecond: 2, saysRetryAfter: true });
    const bearer = await token();
    const remaining = [];
    for (let calls = 0; calls < 3; calls++) {
      const { headers } = await get('', bearer);
      expect(headers.get('x-ratelimit-limit')).toBe('3');
      remaining.push(headers.get('x-ratelimit-remaining'));
    }
    expect(remaining).toEqual(['2', '1', '0']);
    const refused = await get('', bearer);
    expect(refused).toMatchObject({ status: 429, body: { errorCode: 'too_many_requests' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    // Three of them at two a second: after a second and a half, told in whole seconds.
    expect(Number(refused.headers.get('x-ratelimit-reset'))).toBe(Math.ceil(nowMs / 1_000 + 1.5));
    nowMs += 499;
    expect((await get('', bearer)).status).toBe(429);
    nowMs += 1;
    expect((await get('', bearer)).status).toBe(200);
    expect((await get('', bearer)).status).toBe(429);
  });

  test('holds for each tenant by itself, and for errors too', async () => {
    acme.setRateLimit({ burst: 1, perSecond: 1 });
    const other = auth0.addTenant({ domain: 'other.auth0.com', clients: [CLIENT] });
    const bad = await get('?take=0&from=0');
    expect(bad.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(bad.headers.get('retry-after')).toBeNull();
    expect(acme.calls.at(-1)).toMatchObject({ operation: 'page', httpStatus: 400, remaining: 0 });
    const { body } = await askToken({ audience: other.audience });
    const free = await get('', (body as { access_token: string }).access_token);
    expect(free.headers.get('x-ratelimit-limit')).toBeNull();
  });
});

describe('faults', () => {
  test.each([401, 403, 429, 500, 502, 503, 504])(
    'an answer with %i, as often as wished, and only where it is wished',
    async (httpStatus) => {
      const bearer = await token();
      const fault = auth0.addFault({
        action: { kind: 'answer', httpStatus },
        operation: 'page',
        skip: 1,
        times: 1,
      });
      expect((await get('', bearer)).status).toBe(200);
      expect((await get('?from=0', bearer)).status).toBe(200);
      expect(await get('?from=0', bearer)).toMatchObject({
        status: httpStatus,
        body: { statusCode: httpStatus },
      });
      expect((await get('?from=0', bearer)).status).toBe(200);
      expect(fault.hits).toBe(1);
    },
  );

  test('JSON that ends in the middle, logs that are not logs, and headers that are others', async () => {
    acme.fill(2);
    const garbled = auth0.addFault({ action: { kind: 'garbled' }, operation: 'page' });
    await expect(get('?from=0')).rejects.toThrow('JSON');
    garbled.clear();
    const odd = auth0.addFault({ action: { kind: 'logs', change: () => ({}) }, operation: 'page' });
    expect((await get('?from=0')).body).toEqual({});
    odd.clear();
    const link = '<https://elsewhere.example/>; rel="next"';
    auth0.addFault({ action: { kind: 'headers', headers: { link, date: undefined } } });
    expect((await get('?from=0')).headers.get('link')).toBe(link);
  });

  test.each(['reset', 'cut'] as const)('a connection that is %s', async (kind) => {
    acme.fill(2);
    const bearer = await token();
    auth0.addFault({ action: { kind }, times: 1 });
    await expect(get('?from=0', bearer)).rejects.toThrow();
    expect((await get('?from=0', bearer)).body).toHaveLength(2);
  });

  test('a call that hangs goes on when the fault is cleared, and is cut off when the stand-in stops', async () => {
    const bearer = await token();
    auth0.addFault({ action: { kind: 'hang' } });
    const first = get('?from=0', bearer);
    auth0.clearFaults();
    expect((await first).status).toBe(200);
    auth0.addFault({ action: { kind: 'hang' } });
    auth0.addFault({ action: { kind: 'stall' } });
    const second = expect(get('?from=0', bearer)).rejects.toThrow();
    await auth0.stop();
    await second;
  });
});
