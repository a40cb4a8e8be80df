// The API of dead letters over HTTP, with real queues: found, read, redriven, corrected and discarded; and what is refused, and how.
import type { DeliveryOutcome } from '@logferry/queue';
import { aCloudWatchLane, until } from '@logferry/testing';
import { authorization, useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();
const delivered: DeliveryOutcome = { rejected: [] };
const NDJSON = 'application/x-ndjson';

interface Shown {
  id: string;
  tenant: string;
  reason: string;
  logEvents: number;
  redriving: boolean;
  deadAt: string;
  expiresAt: string;
}

interface Listed {
  deadLetters: Shown[];
  cursor: string | null;
}

interface Problem {
  code: string;
  message: string;
}

const list = (query = ''): Promise<{ status: number; body: Listed & Problem }> =>
  bed.json(`/v1/dead-letters${query}`);

const post = <T = Problem>(path: string, body?: object): Promise<{ status: number; body: T }> =>
  bed.json<T>(`/v1/dead-letters${path}`, {
    method: 'POST',
    ...(body === undefined ? {} : { body }),
  });

const idsOf = ({ body }: { body: Listed }): string[] => body.deadLetters.map(({ id }) => id);

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('dead letters are listed, the newest first, with what happened, whose move it is and until when', async () => {
  const [first, second] = await bed.deadLetters(2);
  const listed = await list();
  expect(listed.status).toBe(200);
  expect(idsOf(listed)).toEqual([second, first]);
  const [shown] = listed.body.deadLetters;
  expect(shown).toMatchObject({
    tenant: 'acme',
    destination: 'cw',
    sink: 'cloudwatch',
    target: 'group stream',
    reason: 'cloudwatch.unavailable',
    message: 'CloudWatch Logs did not answer as expected.',
    fault: 'aws',
    countedAs: 'deadLettered',
    logEvents: 2,
    redriving: false,
  });
  const keptMs = Date.parse(shown?.expiresAt ?? '') - Date.parse(shown?.deadAt ?? '');
  expect(keptMs).toBe(14 * 86_400_000);
  expect((await bed.json(`/v1/dead-letters/${second}`)).body).toEqual(shown);
  expect(idsOf(await list('?order=oldest'))).toEqual([first, second]);
});

test('a filter finds its own and no other tenant’s', async () => {
  const acme = await bed.deadLetters(1);
  const globex = await bed.deadLetters(2, {
    tenantId: 'globex',
    destinationId: 'logs',
    code: 'internal.fault',
  });
  expect(idsOf(await list('?tenant=acme'))).toEqual(acme);
  expect(idsOf(await list('?tenant=globex&destination=logs')).sort()).toEqual(globex.sort());
  expect(idsOf(await list('?tenant=acme&destination=logs'))).toEqual([]);
  expect(idsOf(await list('?reason=internal.fault&sink=cloudwatch')).sort()).toEqual(globex.sort());
  expect(idsOf(await list('?sink=s3'))).toEqual([]);
  const { deadAt = '' } = (await list('?tenant=acme')).body.deadLetters[0] ?? {};
  expect(idsOf(await list(`?to=${deadAt}`))).toEqual(acme);
  expect(idsOf(await list(`?from=${Date.parse(deadAt) + 1}`)).sort()).toEqual(globex.sort());
  expect((await bed.json('/v1/dead-letters/count?tenant=globex')).body).toMatchObject({
    deadLetters: 2,
    logEvents: 4,
  });
  const text = (await bed.call('/v1/dead-letters/log-events?tenant=acme')).text;
  expect(linesOf(text).map(({ tenant }) => tenant)).toEqual(['acme', 'acme']);
});

test('pages go on where they stopped, until there is no cursor', async () => {
  const ids = await bed.deadLetters(5);
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null && pages < 10; pages++) {
    const page = await list(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(page.status).toBe(200);
    seen.push(...idsOf(page));
    ({ cursor } = page.body);
  }
  expect(seen).toEqual(ids.reverse());
});

test.each<[string, string]>([
  ['limit=0', 'limit must be a whole number from 1 to 500'],
  ['limit=501', 'limit must be a whole number from 1 to 500'],
  ['limit=99999999999999999999', 'limit must be a whole number from 1 to 500'],
  ['limit=1e3', 'limit must be a whole number from 1 to 500'],
  ['limit=1&limit=2', 'limit must be a whole number from 1 to 500'],
  ['cursor=nonsense', 'cursor is not one that was given out'],
  ['cursor=WyJ3YWxrIiwxLDEsIngiXQ', 'cursor is not one that was given out'],
  [`cursor=${'x'.repeat(201)}`, 'cursor is not one that was given out'],
  ['cursor=WyJvbGRlc3QiLDEsIngiXQ', 'cursor is of another order'],
  ['order=sideways', 'order must be newest or oldest'],
  ['tennant=acme', 'tennant is not a field of this request'],
  ['tenant=', 'tenant must not be empty'],
  ['tenant=a&tenant=b', 'tenant must be one text'],
  ['sink=floppy', 'sink must be one of cloudwatch, s3'],
  ['reason=because', 'reason must be the code of a failure'],
  ['from=yesterday', 'from must be ISO 8601 with a time zone, or whole epoch milliseconds'],
  ['to=2026-11-21', 'to must be ISO 8601 with a time zone, or whole epoch milliseconds'],
  ['to=2026-11-21T10:00:00', 'to must be ISO 8601 with a time zone, or whole epoch milliseconds'],
])('?%s is refused, and the field is named', async (query, message) => {
  const { status, body } = await list(`?${query}`);
  expect({ status, code: body.code, message: body.message }).toEqual({
    status: 400,
    code: 'request.invalid_field',
    message,
  });
});

test.each<[string, object | undefined, string]>([
  ['/redrive', undefined, 'the body must be a JSON object with a filter'],
  ['/redrive', [], 'the body must be a JSON object with a filter'],
  ['/redrive', {}, 'filter must be an object; {} stands for all dead letters'],
  ['/redrive', { filter: 'all' }, 'filter must be an object; {} stands for all dead letters'],
  ['/redrive', { filter: { tenants: 'acme' } }, 'tenants is not a field of this request'],
  ['/redrive', { filter: { tenant: 7 } }, 'filter.tenant must be one text'],
  ['/redrive', { filter: {}, confirm: 1 }, 'confirm is not a field of this request'],
  ['/redrive', { filter: {}, cursor: 'x' }, 'cursor is not one that was given out'],
  ['/discard', { filter: {}, confirm: '3' }, 'confirm must be a whole number'],
  [
    '/discard',
    { filter: {}, cursor: 'WyJvbGRlc3QiLDEsIngiXQ' },
    'cursor is not one that was given out',
  ],
])('POST %s with %j is refused, and the field is named', async (path, body, message) => {
  const [id] = await bed.deadLetters(1);
  const answer = await post(path, body);
  expect([answer.status, answer.body.message]).toEqual([400, message]);
  expect(idsOf(await list())).toEqual([id]);
});

test('a dead letter is redriven, and delivered', async () => {
  const [id = ''] = await bed.deadLetters(1);
  expect(await post(`/${id}/redrive`)).toMatchObject({
    status: 202,
    body: { outcome: 'redriven' },
  });
  expect((await list()).body.deadLetters).toMatchObject([{ id, redriving: true }]);
  expect(await post(`/${id}/redrive`)).toMatchObject({ status: 202, body: { outcome: 'queued' } });
  bed.consume(() => Promise.resolve(delivered));
  await until(async () => (await bed.sum('delivered')) === 2);
  expect(await post(`/${id}/redrive`)).toMatchObject({
    status: 404,
    body: { code: 'dead_letter.unknown' },
  });
});

test('hundreds are redriven by a filter, and the others are left alone', async () => {
  await bed.deadLetters(210);
  const [other] = await bed.deadLetters(1, { tenantId: 'globex' });
  const first = await post<object>('/redrive', { filter: { tenant: 'acme' } });
  expect(first).toEqual({
    status: 200,
    body: { redriven: 210, queued: 0, busy: 0, cursor: null },
  });
  const again = await post<object>('/redrive', { filter: { tenant: 'acme' } });
  expect(again.body).toEqual({ redriven: 0, queued: 210, busy: 0, cursor: null });
  bed.consume(() => Promise.resolve(delivered));
  await until(async () => (await bed.sum('delivered')) === 420, { timeoutMs: 60_000 });
  expect(idsOf(await list())).toEqual([other]);
}, 180_000);

test('a dead letter is discarded, and stays counted', async () => {
  const [id = '', kept] = await bed.deadLetters(2);
  expect(await post(`/${id}/discard`)).toEqual({ status: 200, body: { id, outcome: 'discarded' } });
  expect((await post(`/${id}/discard`)).status).toBe(404);
  expect(idsOf(await list())).toEqual([kept]);
  expect([await bed.sum('deadLettered'), await bed.sum('discarded')]).toEqual([4, 2]);
  expect(await bed.redis.exists(`{lf-0}:cloudwatch:${id}`, `{lf-0}:batch:${id}`)).toBe(0);
});

test('many are discarded only by who knows how many there are', async () => {
  await bed.deadLetters(3);
  const [other] = await bed.deadLetters(1, { tenantId: 'globex' });
  const filter = { tenant: 'acme' };
  for (const confirm of [undefined, 0, 2, 4]) {
    const { status, body } = await post('/discard', {
      filter,
      ...(confirm === undefined ? {} : { confirm }),
    });
    expect([status, body.code]).toEqual([409, 'dead_letter.confirm_needed']);
    expect(body.message).toContain('3 dead letters of 6 log events match');
    expect(body.message).toContain('confirm must be 3');
  }
  expect(await bed.sum('discarded')).toBe(0);
  expect(await post<object>('/discard', { filter, confirm: 3 })).toEqual({
    status: 200,
    body: { discarded: 3, logEvents: 6, cursor: null },
  });
  expect(idsOf(await list())).toEqual([other]);
});

test('what is in a dead letter is downloaded, corrected, taken, redriven and delivered as corrected', async () => {
  const [id = ''] = await bed.deadLetters(1);
  const download = await bed.call(`/v1/dead-letters/${id}/log-events`);
  expect(download.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  expect(download.headers.get('content-disposition')).toContain(`dead-letter-${id}.ndjson`);
  expect(linesOf(download.text).map(({ message }) => message)).toEqual([
    'first of 0',
    'second of 0',
  ]);
  const corrected = download.text.replace('first of 0', 'mended');
  const put = await bed.json<Shown>(`/v1/dead-letters/${id}/log-events`, {
    method: 'PUT',
    body: corrected,
    type: NDJSON,
  });
  expect([put.status, put.body.logEvents]).toEqual([200, 2]);
  expect((await bed.call(`/v1/dead-letters/${id}/log-events`)).text).toBe(corrected);
  await post(`/${id}/redrive`);
  let sent = '';
  bed.consume(async (_batch, payload) => {
    sent += (await payload.load()).body('', '').toString();
    return delivered;
  });
  await until(async () => (await bed.sum('delivered')) === 2);
  expect(sent).toContain('mended');
  expect(sent).not.toContain('first of 0');
});

test.each<[string, string, number, string]>([
  [
    'fewer log events',
    '{"time":"2026-11-21T10:00:00Z","message":"m"}',
    422,
    'has 2 log events, and the body 1',
  ],
  ['nothing', '\n', 422, 'has 2 log events, and the body 0'],
  ['what is no JSON', 'a\nb\n', 422, 'line 1: not valid JSON'],
  [
    'a field that would be lost',
    'OK\n{"time":"NOW","message":"m","level":"info"}',
    422,
    'line 2: "level"',
  ],
  [
    'an old time',
    'OK\n{"time":"2020-01-01T00:00:00Z","message":"m"}',
    422,
    'line 2: time is more than 14 days ago',
  ],
])(
  'a correction of %s is refused, and what was there is there',
  async (_, body, status, message) => {
    const [id = ''] = await bed.deadLetters(1);
    const now = new Date().toISOString();
    const sent = body.replace('OK', `{"time":"${now}","message":"m"}`).replace('NOW', now);
    const path = `/v1/dead-letters/${id}/log-events`;
    const answer = await bed.json<Problem>(path, { method: 'PUT', body: sent, type: NDJSON });
    expect([answer.status, answer.body.code]).toEqual([status, 'dead_letter.invalid_correction']);
    expect(answer.body.message).toContain(message);
    expect((await bed.call(path)).text).toContain('first of 0');
  },
);

test('a body of 100 MB is refused before it is taken in', async () => {
  const [id = ''] = await bed.deadLetters(1);
  const body = 'x'.repeat(100 * 1024 * 1024);
  const path = `/v1/dead-letters/${id}/log-events`;
  // The connection may end while it is still being sent.
  const answer = await bed
    .json<Problem>(path, { method: 'PUT', body, type: NDJSON })
    .catch(() => undefined);
  if (answer !== undefined)
    expect([answer.status, answer.body.code]).toEqual([413, 'request.too_large']);
  expect((await bed.call(path)).text).toContain('first of 0');
});

test('a correction of another type, or that is not UTF-8, is refused', async () => {
  const [id = ''] = await bed.deadLetters(1);
  const path = `/v1/dead-letters/${id}/log-events`;
  for (const type of ['application/json', 'text/plain', 'application/xml'])
    expect((await bed.call(path, { method: 'PUT', body: '{}', type })).status).toBe(415);
  const answer = await fetch(`http://127.0.0.1:${bed.app.ports.http}${path}`, {
    method: 'PUT',
    headers: { 'content-type': NDJSON, authorization },
    body: new Uint8Array([0xff, 0xfe]),
  });
  expect(answer.status).toBe(400);
});

test('a large dead letter is streamed whole', async () => {
  const lane = aCloudWatchLane({ lingerMs: 0 });
  const messages = Array.from(
    { length: 900 },
    (_, i) => `${i} ${String(Math.random()).repeat(50)}`,
  );
  const id = await bed.send(lane, messages);
  const shard = (await bed.stores[0]?.batch(id)) === undefined ? 1 : 0;
  await bed.stores[shard]?.begin(id);
  await bed.stores[shard]?.deadLetter(id, 'cloudwatch.unavailable');
  for (const path of [`/v1/dead-letters/${id}/log-events`, '/v1/dead-letters/log-events']) {
    const lines = linesOf((await bed.call(path)).text);
    expect(lines.map(({ message }) => message)).toEqual(messages);
  }
});

test.each([
  ['POST', '/ID/redrive', undefined],
  ['POST', '/ID/discard', undefined],
  ['POST', '/redrive', { filter: {} }],
  ['POST', '/discard', { filter: {}, confirm: 1 }],
  ['PUT', '/ID/log-events', '{}'],
])('where the console only shows, %s %s is refused', async (method, path, body) => {
  const [id = ''] = await bed.deadLetters(1);
  const answer = await bed.json<Problem>(`/v1/dead-letters${path.replace('ID', id)}`, {
    method,
    to: bed.readOnlyApp,
    ...(body === undefined ? {} : { body }),
    ...(typeof body === 'string' ? { type: NDJSON } : {}),
  });
  expect([answer.status, answer.body.code]).toEqual([405, 'console.read_only']);
  const listed = await bed.json<Listed>('/v1/dead-letters', { to: bed.readOnlyApp });
  expect(listed.body.deadLetters).toMatchObject([{ id, redriving: false }]);
});

test.each(['GET', 'POST', 'PUT'])('without a login, %s is refused', async (method) => {
  const [id = ''] = await bed.deadLetters(1);
  const paths = { GET: `/${id}/log-events`, POST: `/${id}/discard`, PUT: `/${id}/log-events` };
  const address = `http://127.0.0.1:${bed.app.ports.http}/v1/dead-letters${paths[method as 'GET']}`;
  const answer = await fetch(address, { method });
  expect(answer.status).toBe(401);
  expect(await bed.sum('discarded')).toBe(0);
});

test('what another site makes a browser send is refused', async () => {
  const [id = ''] = await bed.deadLetters(1);
  const headers = { origin: 'https://evil.example' };
  for (const path of [`/v1/dead-letters/${id}/discard`, `/dead-letters/${id}/discard`])
    expect((await bed.call(path, { method: 'POST', headers })).status).toBe(403);
  expect(await bed.sum('discarded')).toBe(0);
});
