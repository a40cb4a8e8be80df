import { Failure, type FailureCode } from '@logferry/core';
import { startAuth0StandIn, type ApiFault, type Auth0StandIn } from '@logferry/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetchClientToken } from './client-token';
import { ManagementApi, type ManagementApiParts } from './management-api';
import { Pacer } from './pacer';

const DOMAIN = 'acme.eu.auth0.com';
const client = { clientId: 'a-client', clientSecret: 'a secret of Auth0' };

let auth0: Auth0StandIn;
let refused: (string | undefined)[];

beforeAll(async () => {
  auth0 = await startAuth0StandIn();
});

beforeEach(() => {
  auth0.clearFaults();
  auth0.addTenant({ domain: DOMAIN, clients: [client] });
  refused = [];
});

afterAll(async () => {
  await auth0.stop();
});

const reach = () => ({ domains: '.auth0.com', endpointUrl: auth0.url });

async function newToken(): Promise<string> {
  const asked = { domain: DOMAIN, ...client };
  return (await fetchClientToken(reach(), asked, 10_000)).accessToken;
}

function anApi(over: Partial<ManagementApiParts> = {}): ManagementApi {
  let kept: Promise<string> | undefined;
  return new ManagementApi({
    reach: reach(),
    domain: DOMAIN,
    pacer: new Pacer(),
    timeoutMs: 10_000,
    token: (old) => {
      refused.push(old);
      if (old !== undefined) kept = undefined;
      return (kept ??= newToken());
    },
    wait: () => Promise.reject(new Error('there is nothing to wait for')),
    ...over,
  });
}

async function codeOf(promise: Promise<unknown>): Promise<FailureCode | undefined> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  return undefined;
}

test('page behind page, everything comes once and in the order of its ids', async () => {
  const filled = auth0.tenant(DOMAIN).fill(250);
  const api = anApi();
  const [first] = await api.oldestLogs(0);
  const ids = [first?.id ?? ''];
  for (;;) {
    const page = await api.logsAfter(ids.at(-1) ?? '', 100);
    if (page.length === 0) break;
    ids.push(...page.map(({ id }) => id));
  }
  expect(ids).toEqual(filled.map((log) => log.log_id));
});

test('one log event is found by its id, and one that is gone is not an error', async () => {
  const [log] = auth0.tenant(DOMAIN).add({ type: 'fp', date: '2026-11-21T10:00:00.000Z' });
  const id = log?.log_id ?? '';
  expect(await anApi().log(id)).toMatchObject({ id, type: 'fp', timeMs: 1_795_255_200_000 });
  expect(await anApi().log('900')).toBeUndefined();
});

test('the oldest since a time, and the newest, are found by their dates', async () => {
  const filled = auth0.tenant(DOMAIN).fill(10, { everyMs: 60_000 });
  const sixth = filled[5];
  const since = await anApi().oldestLogs(0, Date.parse(String(sixth?.date)));
  expect(since[0]?.id).toBe(sixth?.log_id);
  expect((await anApi().newestLog())?.id).toBe(filled.at(-1)?.log_id);
});

test('numbers of any length arrive with all their digits', async () => {
  const digits = '12345678901234567890123';
  auth0.tenant(DOMAIN).fill(1);
  const body = `[{"log_id":"901","type":"s","date":"2026-11-21T10:00:00Z","details":{"n":${digits}}}]`;
  auth0.addFault({ operation: 'page', action: { kind: 'answer', httpStatus: 200, body } });
  const [log] = await anApi().logsAfter('900', 100);
  expect(JSON.stringify(log?.fields)).toContain(`"n":${digits}`);
  const nested = '['.repeat(100) + digits + ']'.repeat(100);
  const deep = `[{"log_id":"901","details":${nested}},{"log_id":"902","n":${digits}}]`;
  auth0.clearFaults();
  auth0.addFault({
    operation: 'page',
    action: { kind: 'answer', httpStatus: 200, body: deep },
  });
  const [, beside] = await anApi().logsAfter('900', 100);
  expect(JSON.stringify(beside?.fields)).toContain(`"n":${digits}`);
});

const answer = (httpStatus: number, body?: string): ApiFault['action'] => ({
  kind: 'answer',
  httpStatus,
  ...(body === undefined ? {} : { body }),
});

test.each<[string, ApiFault['action'], FailureCode]>([
  ['403', answer(403), 'source.scope_missing'],
  ['400', answer(400), 'source.request_refused'],
  ['401 again and again', answer(401), 'source.token_refused'],
  ['429', answer(429), 'source.throttled'],
  ['500', answer(500), 'source.unavailable'],
  ['503', answer(503), 'source.unavailable'],
  ['302', answer(302), 'source.unavailable'],
  ['half a page', { kind: 'garbled' }, 'source.garbled'],
  ['a page of a proxy', answer(200, '<html></html>'), 'source.garbled'],
  ['an object', answer(200, '{"logs":[]}'), 'source.garbled'],
  ['a log event without an id', answer(200, '[{"type":"s"}]'), 'source.garbled'],
  ['the same twice', { kind: 'logs', change: (logs) => [...logs, ...logs] }, 'source.garbled'],
  ['what lies before it', answer(200, '[{"log_id":"900"}]'), 'source.garbled'],
  ['no answer', { kind: 'hang' }, 'source.unreachable'],
  ['a reset connection', { kind: 'reset' }, 'source.unreachable'],
  ['half an answer', { kind: 'cut' }, 'source.unreachable'],
  ['an answer that stops', { kind: 'stall' }, 'source.unreachable'],
])('%s instead of a page', async (_, action, code) => {
  auth0.tenant(DOMAIN).fill(5);
  auth0.addFault({ operation: 'page', action });
  const timeoutMs = code === 'source.unreachable' ? 1_500 : 20_000;
  expect(await codeOf(anApi({ timeoutMs }).logsAfter('900', 100))).toBe(code);
});

test('a token that was revoked is replaced once, and the call done again', async () => {
  auth0.tenant(DOMAIN).fill(5);
  const api = anApi();
  await api.logsAfter('900', 100);
  auth0.tenant(DOMAIN).revokeTokens();
  expect(await api.logsAfter('900', 100)).toHaveLength(5);
  expect(refused.map((token) => token !== undefined)).toEqual([false, false, true]);
});

test('a scope that was granted after the token was made is found at once', async () => {
  const tenant = auth0.tenant(DOMAIN);
  tenant.fill(5);
  tenant.clients.set(client.clientId, { ...client, scopes: ['read:users'] });
  const api = anApi();
  expect(await codeOf(api.logsAfter('900', 100))).toBe('source.scope_missing');
  tenant.clients.set(client.clientId, client);
  expect(await api.logsAfter('900', 100)).toHaveLength(5);
});

test('when Auth0 asks us to slow down, nothing is asked before the time that it names', async () => {
  auth0.addFault({
    times: 1,
    action: { kind: 'answer', httpStatus: 429, headers: { 'retry-after': '7' } },
  });
  const waits: number[] = [];
  const api = anApi({
    token: () => Promise.resolve('t'),
    wait: (ms) => {
      waits.push(ms);
      return Promise.reject(new Error('enough'));
    },
  });
  await expect(api.logsAfter('900', 1)).rejects.toMatchObject({ retryAfterMs: 7_000 });
  await expect(api.logsAfter('900', 1)).rejects.toThrow('enough');
  expect(waits[0]).toBeGreaterThan(6_000);
});

test.each<[string, ApiFault['action'], FailureCode]>([
  ['401', answer(401), 'source.client_refused'],
  ['403', answer(403), 'source.scope_missing'],
  ['429', answer(429), 'source.throttled'],
  ['500', answer(500), 'source.unavailable'],
  ['no token', answer(200, '{}'), 'source.garbled'],
  ['no answer', { kind: 'hang' }, 'source.unreachable'],
])('%s of the token endpoint', async (_, action, code) => {
  auth0.addFault({ operation: 'token', action });
  const asked = { domain: DOMAIN, ...client };
  const timeoutMs = code === 'source.unreachable' ? 1_500 : 20_000;
  expect(await codeOf(fetchClientToken(reach(), asked, timeoutMs))).toBe(code);
});

test('another secret than the client has is the tenant’s to mend, and shows in no word of the failure', async () => {
  const wrong = { domain: DOMAIN, clientId: 'a-client', clientSecret: 'not the one it has' };
  const failure = await fetchClientToken(reach(), wrong, 10_000).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'source.client_refused', fault: 'tenant' });
  expect(JSON.stringify(failure) + String(failure)).not.toContain('not the one');
});

test.each(['acme.evil.example', 'localhost', 'auth0.com.evil.example'])(
  'nothing is asked at %s',
  async (domain) => {
    const api = anApi({ domain, reach: { domains: '.auth0.com' } });
    expect(await codeOf(api.logsAfter('900', 1))).toBe('source.domain_not_allowed');
    const asked = { ...client, domain };
    expect(await codeOf(fetchClientToken({ domains: '.auth0.com' }, asked, 100))).toBe(
      'source.domain_not_allowed',
    );
  },
);

test('a redirect is not followed', async () => {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('/elsewhere') === true) return void response.end('[]');
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = anApi({
    reach: { domains: '.auth0.com', endpointUrl },
    token: () => Promise.resolve('t'),
  });
  expect(await codeOf(api.logsAfter('900', 1))).toBe('source.unavailable');
  expect(asked).toHaveLength(1);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('whoever is told to stop does not wait for an answer', async () => {
  auth0.addFault({ operation: 'page', action: { kind: 'hang' } });
  const stop = new AbortController();
  const api = anApi({ signal: stop.signal, timeoutMs: 60_000 });
  const call = api.logsAfter('900', 1);
  stop.abort(new Error('stopping'));
  await expect(call).rejects.toThrow('stopping');
});
