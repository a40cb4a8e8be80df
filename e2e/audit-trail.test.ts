// A customer has what is changed of its configuration in its own CloudWatch Logs and bucket: all of it, once, and without secrets, also
// when the console dies at the worst moment.
import { until } from '@logferry/testing';
import { hash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { PLATFORM_KEY } from './app-environment';
import { REGION, Stack, TENANT } from './stack';

const TENANT_PATH = `/v1/tenants/${TENANT}`;
const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';

let stack: Stack;
/** Stands between the console and ingest. */
let proxy: Server;
/** Whether what ingest answers is kept from the console. */
let keepsAnswers = false;
let answersKept = 0;

beforeAll(async () => {
  proxy = createServer((request, response) => {
    void (async () => {
      const answer = await fetch(`${stack.ingestUrl}${request.url}`, {
        method: 'POST',
        headers: Object.fromEntries(
          ['authorization', 'content-type', 'idempotency-key'].map((name) => [
            name,
            String(request.headers[name]),
          ]),
        ),
        body: await buffer(request),
      });
      const text = await answer.text();
      if (keepsAnswers) answersKept++;
      else response.writeHead(answer.status).end(text);
    })();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  stack = await Stack.start({
    environment: {
      console: {
        LOGFERRY_CONSOLE_INGEST_URL: `http://127.0.0.1:${port}`,
        LOGFERRY_CONSOLE_INGEST_KEY: PLATFORM_KEY,
      },
      'credential-broker': {
        LOGFERRY_BROKER_SEALING_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      },
    },
  });
}, 120_000);
afterAll(async () => {
  await stack.stop();
  proxy.closeAllConnections();
  proxy.close();
});

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await stack.console(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  expect([path, answer.status]).toEqual([path, answer.ok ? answer.status : 'good']);
  return (await answer.json()) as T;
}

interface Entry {
  id: string;
  after: { forwardAuditTrail?: boolean } | null;
}

const trail = async (): Promise<Entry[]> =>
  (await call<{ entries: Entry[] }>('GET', `/v1/audit?tenant=${TENANT}&limit=200`)).entries;

const idOf = (message: unknown): string => (message as Entry).id;

function inCloudWatch(): string[] {
  try {
    return stack.messages(TENANT, 'env0-audits').map((message) => idOf(JSON.parse(message)));
  } catch {
    return []; // the group is made with the first delivery
  }
}

const inBucket = (): string[] =>
  stack
    .objectLines()
    .filter(({ event }) => event.type === 'audit')
    .map(({ event }) => idOf(event.message));

const sorted = (ids: string[]): string[] => ids.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

const destination = (over: object = {}): object => ({
  type: 's3',
  enabled: false,
  region: REGION,
  credentials: {
    kind: 'access_key',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: SECRET,
  },
  s3: { bucket: 'another' },
  ...over,
});

test('every change is delivered once, from switching it on to switching it off, and no secret with it', async () => {
  await call('PUT', TENANT_PATH, { name: 'nobody is told of this' });
  await call('PUT', TENANT_PATH, { forwardAuditTrail: true });
  await call('PUT', `${TENANT_PATH}/destinations/other`, destination());
  const minted = await call<{ id: string; key: string }>('POST', '/v1/keys', {
    name: 'ci',
    tenant: TENANT,
    scopes: ['admin'],
  });
  const stored = JSON.stringify(await trail());
  expect(stored).toContain('AKIAIOSFODNN7EXAMPLE');

  // The console dies when ingest has taken an entry and nobody has noted it.
  keepsAnswers = true;
  await until(() => answersKept > 0);
  await stack.kill('console');
  keepsAnswers = false;
  await stack.startApp('console');
  await until(async () => (await stack.console('/health/ready')).status === 200);
  await call('DELETE', `${TENANT_PATH}/destinations/other`);
  await call('PUT', TENANT_PATH, { forwardAuditTrail: false });
  await call('PUT', TENANT_PATH, { name: 'nor of this' });

  const entries = await trail();
  const from = entries.findIndex(({ after }) => after?.forwardAuditTrail === true);
  const to = entries.findIndex(({ after }) => after?.forwardAuditTrail === false);
  const wanted = entries.slice(from, to + 1).map(({ id }) => id);
  expect(wanted).toHaveLength(5);
  // Until the lease of the one that was killed has run out, nobody forwards.
  await until(() => inCloudWatch().length >= 5 && inBucket().length >= 5, { timeoutMs: 40_000 });
  await stack.settled();
  expect(sorted(inCloudWatch())).toEqual(wanted);
  expect(sorted(inBucket())).toEqual(wanted);
  for (const id of ['cloudwatch', 's3'] as const)
    expect(await stack.ledger(id)).toMatchObject({ accepted: 5, delivered: 5, waiting: 0 });
  const metrics = async () => (await fetch(`${stack.consoleUrl}/metrics`)).text();
  const noneWaits = /logferry_audit_forwarding_entries\{state="waiting",.*\} 0/;
  // It may be delivered before the console has noted that ingest took it.
  await until(async () => noneWaits.test(await metrics()), { what: 'all is noted as forwarded' });
  expect(await metrics()).toMatch(/logferry_audit_forwarding_entries\{state="forwarded",.*\} 5/);

  const seen = JSON.stringify([
    stack.messages(TENANT, 'env0-audits'),
    stack.objectLines(),
    stack.output('console'),
    stack.output('ingest'),
  ]);
  expect(seen).toContain('AKIAIOSFODNN7EXAMPLE');
  expect(seen).toContain(minted.id);
  const text = minted.key.slice('lf_000000000000_'.length);
  const storedAs = hash('sha256', text);
  for (const hidden of [SECRET, text, storedAs, PLATFORM_KEY, 'v1.k1.'])
    expect(seen).not.toContain(hidden);
}, 120_000);
