// That what is to be forwarded of the audit trail arrives once and in order, whatever happens on the way: on a real Redis, with an ingest
// that remembers Idempotency-Keys as the real one does and can be told to fail.
import { Secret } from '@logferry/runtime';
import { AuditOutbox, ConfigStore, type AuditBounds } from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AuditForwarder } from './audit-forwarder';
import { IngestClient } from './ingest-client';

const KEY = 'a-key-of-the-platform';
const BOUNDS: AuditBounds = { entriesMax: 1_000, tenantEntriesMax: 100, keepMs: 86_400_000 };

interface Message {
  after: { name: string } | null;
}
interface Sent {
  tenant: string;
  key: string;
  body: string;
}
interface Trouble {
  status: number;
  code?: string;
  retryAfter?: string;
  rejected?: { code: string }[];
}

/** What ingest does with the next requests instead of taking them; `lose` takes the log event and says nothing. */
type Behaviour = (sent: Sent) => Trouble | 'lose' | undefined;

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;
let outbox: AuditOutbox;
let ingest: Server;
let url: string;
let behave: Behaviour;
let requests: Sent[];
let taken: Map<string, Sent>;
let lines: { message: string; fields: Record<string, unknown> }[];
let forwarders: AuditForwarder[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
  outbox = new AuditOutbox(redis);
  ingest = createServer((request, response) => {
    void receive(request).then(([status, headers, body]) => {
      if (status === 0) request.socket.destroy();
      else response.writeHead(status, headers).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => ingest.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(ingest.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  await redis.flushall();
  store = new ConfigStore(redis, BOUNDS);
  behave = () => undefined;
  [requests, lines, forwarders] = [[], [], []];
  taken = new Map();
});
afterEach(() => Promise.all(forwarders.map((forwarder) => forwarder.stop())));
afterAll(async () => {
  ingest.closeAllConnections();
  ingest.close();
  redis.disconnect();
  await server.stop();
});

async function receive(
  request: IncomingMessage,
): Promise<[number, Record<string, string>, object]> {
  const { pathname } = new URL(request.url ?? '', url);
  expect(request.headers.authorization).toBe(`Bearer ${KEY}`);
  const sent = {
    tenant: pathname.split('/')[3] ?? '',
    key: String(request.headers['idempotency-key']),
    body: await text(request),
  };
  requests.push(sent);
  const behaviour = behave(sent);
  if (typeof behaviour === 'object') {
    const { status, retryAfter, code, rejected } = behaviour;
    return [
      status,
      retryAfter === undefined ? {} : { 'retry-after': retryAfter },
      { code, rejected },
    ];
  }
  const before = taken.get(sent.key);
  if (before !== undefined && before.body !== sent.body)
    return [422, {}, { code: 'request.idempotency_key_reused' }];
  taken.set(sent.key, before ?? sent);
  return behaviour === 'lose' ? [0, {}, {}] : [202, {}, { accepted: 1, rejected: [] }];
}

function start(over: { ageMs?: number; outbox?: AuditOutbox } = {}): AuditForwarder {
  const note = (fields: Record<string, unknown> | string, message?: string): void => {
    if (typeof fields === 'string') lines.push({ message: fields, fields: {} });
    else lines.push({ message: message ?? '', fields });
  };
  const log = { info: note, warn: note, debug: note };
  const client = new IngestClient(url, new Secret(KEY));
  const parts = { outbox, ingest: client, log, ageMs: 0, pollMs: 10, ...over };
  const forwarder = new AuditForwarder(parts);
  forwarders.push(forwarder);
  forwarder.start();
  return forwarder;
}

const put = (id: string, name: string) => store.putTenant({ id, name, forwardAuditTrail: true });
const namesOf = (tenant: string, of: Iterable<Sent> = taken.values()): (string | undefined)[] =>
  [...of]
    .filter((sent) => sent.tenant === tenant)
    .map(({ body }) => (JSON.parse(body) as { message: Message }).message.after?.name);
const isDone = async (): Promise<boolean> => (await outbox.counts()).waiting === 0;

test('each entry becomes one log event of its tenant, in their order', async () => {
  start();
  for (const name of ['a', 'b', 'c']) for (const id of ['acme', 'globex']) await put(id, name);
  await until(isDone);
  expect(namesOf('acme')).toEqual(['a', 'b', 'c']);
  expect(namesOf('globex')).toEqual(['a', 'b', 'c']);
  expect(requests).toHaveLength(6);
  const [first] = taken.values();
  const { id, at } = (JSON.parse(first?.body ?? '') as { message: { id: string; at: string } })
    .message;
  expect(JSON.parse(first?.body ?? '')).toEqual({
    type: 'audit',
    time: Date.parse(at),
    id: `logferry/acme/${id}`,
    message: {
      source: 'logferry',
      id,
      at,
      by: { kind: 'command' },
      action: 'created',
      kind: 'tenant',
      tenant: 'acme',
      record: 'acme',
      version: 1,
      before: null,
      after: { id: 'acme', name: 'a', forwardAuditTrail: true },
    },
    attributes: {
      source: 'logferry',
      organizationId: 'acme',
      action: 'created',
      kind: 'tenant',
      record: 'acme',
    },
  });
  expect(await outbox.counts()).toMatchObject({ forwarded: 6, refused: 0, trimmed: 0 });
});

test('whatever is answered, or not, each entry is taken once and none is left out', async () => {
  const troubles: ReturnType<Behaviour>[] = [
    'lose',
    { status: 503, code: 'ingest.redis_unavailable', retryAfter: '0' },
    { status: 429, code: 'key.rate_limited', retryAfter: '0' },
    { status: 429, code: 'tenant.backlog_full', retryAfter: '0' },
    { status: 502, retryAfter: '0' },
    { status: 404, code: 'tenant.unknown', retryAfter: '0' },
    { status: 400, code: 'request.malformed', retryAfter: '0' },
    { status: 302, retryAfter: '0' },
    'lose',
  ];
  const names = Array.from({ length: 12 }, (_, i) => `of ${i}`);
  for (const name of names) await put('acme', name);
  let asked = 0;
  behave = () => (asked++ % 2 === 0 ? troubles.shift() : undefined);
  start();
  await until(isDone, { timeoutMs: 20_000 });
  expect(troubles).toEqual([]);
  expect(namesOf('acme')).toEqual(names);
  expect(requests.length).toBeGreaterThan(names.length);
  expect(await outbox.counts()).toMatchObject({ forwarded: 12, waiting: 0 });
}, 30_000);

test('a process that dies between the answer and the note of it makes nothing arrive twice', async () => {
  for (const name of ['a', 'b']) await put('acme', name);
  const dying = new AuditOutbox(redis);
  let dead = 0;
  dying.settle = () => {
    dead++;
    return new Promise(() => undefined);
  };
  start({ outbox: dying });
  await until(() => dead === 1);
  forwarders = []; // nobody stops the dead
  const other = start();
  await until(async () => (await redis.pttl('{lf}:auditForwarder')) > 0);
  expect(requests).toHaveLength(1);
  await redis.pexpire('{lf}:auditForwarder', 1); // which it does by itself within 15 seconds
  await until(isDone);
  await other.stop();
  expect(namesOf('acme', requests)).toEqual(['a', 'a', 'b']);
  expect(namesOf('acme')).toEqual(['a', 'b']);
  expect(await outbox.counts()).toMatchObject({ forwarded: 2 });
});

test('of several processes one forwards, and another one goes on when that one stops', async () => {
  const [one, two] = [start(), start()];
  for (const name of ['a', 'b', 'c']) await put('acme', name);
  await until(isDone);
  expect(requests).toHaveLength(3);
  await one.stop();
  await put('acme', 'd');
  await until(isDone);
  await two.stop();
  expect(namesOf('acme', requests)).toEqual(['a', 'b', 'c', 'd']);
  expect(await redis.exists('{lf}:auditForwarder')).toBe(0);
});

test('while ingest takes nothing it is left alone for as long as it says', async () => {
  await Promise.all(['acme', 'globex', 'hooli'].map((id) => put(id, 'a')));
  behave = () => ({ status: 503, code: 'ingest.busy', retryAfter: '1' });
  const from = performance.now();
  start();
  const asked = await until(() => lines.length > 1 && requests.length);
  // At most those that were under way at once.
  expect(asked).toBeLessThanOrEqual(3);
  behave = () => undefined;
  await until(isDone);
  expect(performance.now() - from).toBeGreaterThan(800);
  expect(lines.map(({ message }) => message)).toContain('the audit trail is forwarded again');
});

test.each([
  { status: 429, code: 'tenant.backlog_full', retryAfter: '60' },
  { status: 503, code: 'tenant.unreadable', retryAfter: '60' },
  { status: 413, code: 'request.too_large' },
])('a tenant whose log events are not taken ($code) keeps nobody else waiting', async (trouble) => {
  behave = ({ tenant }) => (tenant === 'acme' ? trouble : undefined);
  await put('acme', 'a');
  for (const name of ['a', 'b', 'c']) await put('globex', name);
  start();
  await until(async () => (await outbox.counts()).forwarded === 3);
  expect(namesOf('acme', requests)).toEqual(['a']);
  expect(await outbox.counts()).toMatchObject({ waiting: 1 });
});

test('what will never be taken, and what the trail has no more, is told and holds nothing up', async () => {
  for (const name of ['refused', 'b']) await put('acme', name);
  await put('globex', 'a');
  await redis.xtrim('{lf}:audit:globex', 'MAXLEN', 0);
  await put('globex', 'b');
  behave = ({ body }) =>
    body.includes('refused') && !body.includes('"b"')
      ? { status: 202, rejected: [{ code: 'event.message_too_large' }] }
      : undefined;
  start();
  await until(isDone);
  expect(namesOf('acme')).toEqual(['b']);
  expect(namesOf('globex')).toEqual(['b']);
  expect(await outbox.counts()).toMatchObject({ forwarded: 2, refused: 1, trimmed: 1 });
  const told = lines.filter(({ message }) => message.includes('will not be forwarded'));
  expect(told).toHaveLength(2);
  expect(told.map(({ fields }) => fields)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        tenantId: 'acme',
        how: 'refused',
        code: 'event.message_too_large',
      }),
      expect.objectContaining({ tenantId: 'globex', how: 'trimmed' }),
    ]),
  );
});

test('what leaves a queue without having been sent is told', async () => {
  behave = () => ({ status: 429, code: 'tenant.backlog_full', retryAfter: '60' });
  store = new ConfigStore(redis, { ...BOUNDS, tenantEntriesMax: 2 });
  start();
  await put('acme', 'a');
  await until(() => requests.length === 1);
  for (const name of ['b', 'c', 'd']) await put('acme', name);
  const told = (how: string) =>
    lines.filter(({ fields }) => fields.how === how).map(({ fields }) => fields.entries as number);
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  await until(() => sum(told('trimmed')) === 2);
  const place = { kind: 'tenant', hash: 'tenants', field: 'acme', tenantId: 'acme' } as const;
  const change = { kind: 'tenant', tenantId: 'acme' } as const;
  await store.write({ kind: 'login' }, [{ place: { ...place, change }, to: { value: undefined } }]);
  await until(() => sum(told('tenant_deleted')) === 2);
  expect(await outbox.counts()).toMatchObject({ trimmed: 2, tenant_deleted: 2, waiting: 0 });
});

test('an entry is sent when it is old enough for ingest to know of what it tells', async () => {
  start({ ageMs: 400 });
  await put('acme', 'a');
  await until(isDone);
  const [sent] = requests;
  const { time } = JSON.parse(sent?.body ?? '') as { time: number };
  expect(Date.now() - time).toBeGreaterThanOrEqual(400);
});
