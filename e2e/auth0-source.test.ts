// A source of Auth0's, from Auth0's page to the objects in the customer's bucket, by real processes. The poller is killed at each step of
// its run, at the very moment at which the stand-in for Auth0, or ingest, has its request: nothing is lost, and nothing is there twice.
import { Destination } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import { SourceRuns } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import {
  startAuth0StandIn,
  startBuiltApp,
  until,
  type Auth0StandIn,
  type Auth0Tenant,
  type BuiltApp,
} from '@logferry/testing';
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { putSource } from '../tools/auth0-source';
import { BROKER_SECRET, PLATFORM_KEY } from './app-environment';
import { ACCOUNT, BUCKET, REGION, Stack, TENANT } from './stack';

const DOMAIN = 'acme.eu.auth0.com';
const CLIENT = { clientId: 'logferry', clientSecret: 'what Auth0 showed once' };
const PLACE = { tenantId: TENANT, sourceId: 'auth0' };
/** Of a lease, of BullMQ's lock and of what a command waits at most, the first two are over by then. */
const HANGS_MS = 20_000;
const APPS = ['credential-broker', 'ingest', 's3-worker'] as const;

/** When the poller dies: before ingest has a page, after it has taken it, or when its answer has arrived. */
type Moment = 'before' | 'after' | 'answered';

/** The way to ingest, on which the poller may be killed. */
class WayToIngest {
  /** Called with each request; whoever kills the poller in it answers true. */
  onPage: (moment: Moment) => Promise<boolean> = () => Promise.resolve(false);
  private readonly server: Server;

  constructor(ingestUrl: string) {
    this.server = createServer((request, response) => {
      void (async () => {
        const body = await buffer(request);
        if (await this.onPage('before')) return void request.socket.destroy();
        const answer = await fetch(`${ingestUrl}${request.url ?? ''}`, {
          method: 'POST',
          headers: {
            authorization: String(request.headers.authorization),
            'content-type': String(request.headers['content-type']),
            'idempotency-key': String(request.headers['idempotency-key']),
          },
          body,
        });
        const text = await answer.text();
        if (await this.onPage('after')) return void request.socket.destroy();
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
        await this.onPage('answered');
      })();
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

let stack: Stack;
let auth0: Auth0StandIn;
let log: Auth0Tenant;
let way: WayToIngest;
let redis: Redis;
let poller: BuiltApp;

beforeAll(async () => {
  const sealingKeys = `1:${randomBytes(32).toString('base64')}`;
  auth0 = await startAuth0StandIn();
  log = auth0.addTenant({ domain: DOMAIN, clients: [CLIENT] });
  stack = await Stack.start({
    apps: APPS,
    environment: {
      'credential-broker': {
        LOGFERRY_AUTH0_ENDPOINT_URL: auth0.url,
        LOGFERRY_BROKER_SEALING_KEYS: sealingKeys,
      },
    },
  });
  way = new WayToIngest(stack.ingestUrl);
  await way.start();
  redis = new Redis(stack.redis.url);
  redis.on('error', () => undefined); // some tests kill the server
  await connectSource();
}, 120_000);

afterAll(async () => {
  await poller.stop();
  redis.disconnect();
  await Promise.all([way.stop(), stack.stop(), auth0.stop()]);
}, 60_000);

async function connectSource(): Promise<void> {
  const store = new ConfigStore(redis);
  const role = `arn:aws:iam::${ACCOUNT}:role/logferry`;
  await store.putDestination(
    TENANT,
    Destination.parse({
      id: 'auth0-s3',
      type: 's3',
      region: REGION,
      credentials: { kind: 'web_identity', roleArn: role },
      filter: { types: ['tenant'] },
      s3: { bucket: BUCKET, path: 'auth0', lingerMs: 200 },
    }),
  );
  const secret = new Secret(BROKER_SECRET);
  const broker = { host: '127.0.0.1', port: stack.brokerTcpPort, secret, tls: undefined };
  await putSource(store, broker, TENANT, {
    id: PLACE.sourceId,
    domain: DOMAIN,
    ...CLIENT,
    schedule: '* * * * * *',
    batchSize: 20,
  });
}

async function startPoller(): Promise<void> {
  poller = startBuiltApp('auth0-poller', {
    REDIS_URL: stack.redis.url,
    LOGFERRY_LOG_LEVEL: 'debug',
    LOGFERRY_BROKER_TCP_PORT: String(stack.brokerTcpPort),
    LOGFERRY_BROKER_SECRET: BROKER_SECRET,
    LOGFERRY_AUTH0_ENDPOINT_URL: auth0.url,
    LOGFERRY_AUTH0_POLLER_PORT: '0',
    LOGFERRY_AUTH0_POLLER_INGEST_URL: way.url,
    LOGFERRY_AUTH0_POLLER_INGEST_KEY: PLATFORM_KEY,
  });
  await poller.ready;
}

function arrived(): string[] {
  const ofSource = stack.objectLines().filter(({ key }) => key.startsWith('auth0/'));
  return ofSource.map(({ event }) => (event.message as { log_id: string }).log_id);
}

/** Everything that Auth0 has, each once. */
async function allArrived(): Promise<void> {
  const want = log.log
    .after('1', 100_000)
    .map((text) => (JSON.parse(text) as { log_id: string }).log_id);
  await until(() => arrived().length >= want.length, {
    timeoutMs: 60_000,
    intervalMs: 100,
    what: `${want.length} log events arrive`,
  });
  expect(arrived().sort()).toEqual([...want].sort());
}

/** Kills the poller when ingest has come so far with the n-th page from now. */
function killAt(moment: Moment, page: number): Promise<void> {
  let count = 0;
  return new Promise((resolve) => {
    way.onPage = async (at) => {
      if (at !== moment || ++count !== page) return false;
      way.onPage = () => Promise.resolve(false);
      await poller.stop();
      resolve();
      return true;
    };
  });
}

/** Does something to Redis when ingest has come so far with the n-th page from now; the page goes its way all the same. */
function breakAt(moment: Moment, page: number, breaking: () => Promise<unknown>): Promise<void> {
  let count = 0;
  return new Promise((resolve, reject) => {
    way.onPage = async (at) => {
      if (at !== moment || ++count !== page) return false;
      way.onPage = () => Promise.resolve(false);
      await breaking().then(() => resolve(), reject);
      return false;
    };
  });
}

/** Kills the poller while Auth0 has a request of it. */
async function killAsking(operation: 'search' | 'page'): Promise<void> {
  const fault = auth0.addFault({ operation, action: { kind: 'hang' } });
  await until(() => fault.hits > 0, { timeoutMs: 30_000, what: `a ${operation} is asked for` });
  await poller.stop();
  fault.clear();
}

test('killed at every step of a run, it loses nothing and has nothing twice in S3', async () => {
  log.fill(130, { everyMs: 10 });
  const dies: [string, () => Promise<void>][] = [
    ['while it looks for the oldest', () => killAsking('search')],
    ['before ingest has the first', () => killAt('before', 1)],
    ['when ingest has taken the first', () => killAt('after', 1)],
    ['while it asks for a page', () => killAsking('page')],
    ['before ingest has a page', () => killAt('before', 2)],
    ['when ingest has taken a page', () => killAt('after', 2)],
    ['when ingest has answered', () => killAt('answered', 2)],
  ];
  for (const [when, dying] of dies) {
    const died = dying();
    await startPoller();
    await until(() => poller.ended.then(() => true), {
      timeoutMs: 60_000,
      what: `it dies ${when}`,
    });
    await died;
  }
  await startPoller();
  await allArrived();
  const runs = new SourceRuns(redis);
  const { runs: all } = await runs.page(PLACE, { page: 0, perPage: 100 });
  expect(all.filter(({ state }) => state === 'interrupted').length).toBeGreaterThanOrEqual(6);
  // What ingest had taken of a run that died, it knew again: nothing of it was counted as sent twice.
  expect(all.map(({ repeated }) => repeated)).toEqual(all.map(() => 0));
}, 240_000);

test.each<[string, Moment]>([
  ['before ingest has a page', 'before'],
  ['when ingest has taken a page', 'after'],
  ['when ingest has answered', 'answered'],
])(
  'Redis is killed %s, and the poller goes on by itself',
  async (_, moment) => {
    const broken = breakAt(moment, 2, () => stack.redis.kill());
    log.fill(90, { everyMs: 1 });
    await broken;
    await stack.redis.start();
    await allArrived();
    expect(process.kill(poller.pid, 0)).toBe(true); // the same process as before
  },
  120_000,
);

test.each<[string, Moment]>([
  ['before ingest has a page', 'before'],
  ['when ingest has taken a page', 'after'],
])(
  'Redis hangs for longer than a lease lasts %s, and the poller goes on by itself',
  async (_, moment) => {
    const broken = breakAt(moment, 2, () => stack.redis.pause());
    log.fill(90, { everyMs: 1 });
    await broken;
    const hangsUntilMs = Date.now() + HANGS_MS;
    await until(() => Date.now() > hangsUntilMs, {
      timeoutMs: 2 * HANGS_MS,
      what: 'it hung for long',
    });
    await stack.redis.resume();
    await allArrived();
    expect(process.kill(poller.pid, 0)).toBe(true); // the same process as before
  },
  180_000,
);

test('whatever broke off, no run is told as running that nobody runs', async () => {
  const { runs } = await new SourceRuns(redis).page(PLACE, { page: 0, perPage: 100 });
  expect(runs.slice(1).filter(({ state }) => state === 'running')).toEqual([]);
});

test('what is new is there within seconds, and the secret of the client is in no log', async () => {
  log.fill(5, { everyMs: 1 });
  await allArrived();
  const words = [poller.output(), ...APPS.map((app) => stack.output(app))].join('\n');
  expect(words).toContain('a run ended');
  expect(words).not.toContain(CLIENT.clientSecret);
});
