import { Destination } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import { SourceRuns } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import {
  customerAccount,
  startAuth0StandIn,
  startRedis,
  until,
  type Auth0Tenant,
  type TestRedis,
} from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { putSource } from '../../../tools/auth0-source';
import { BROKER_SECRET } from '../../app-environment';
import { pause } from '../pause';
import type { Scene, Scenario } from '../scenario';
import { PIPELINE, World } from '../world';

const DOMAIN = 'acme.eu.auth0.com';
const CLIENT = { clientId: 'a-client', clientSecret: 'what Auth0 showed once' };
/** None of those whom the oracle knows: what is pulled was sent by no producer. */
const ACCOUNT = {
  tenantId: 'umbrella',
  account: '444444444444',
  region: 'eu-central-1',
  roleArn: 'arn:aws:iam::444444444444:role/logferry',
  bucket: 'umbrella-logs',
  logGroups: ['umbrella'],
} as const;
const PLACE = { tenantId: ACCOUNT.tenantId, sourceId: 'auth0' } as const;
const DESTINATION = 's3';
/** A run is to last for long enough that something may happen in it. */
const PAGE = 10;
const LATENCY_MS = 20;

export async function startPulledWorld(): Promise<World<TestRedis>> {
  const auth0 = await startAuth0StandIn();
  auth0.addTenant({ domain: DOMAIN, clients: [CLIENT], latencyMs: LATENCY_MS });
  const asking = { LOGFERRY_AUTH0_ENDPOINT_URL: auth0.url };
  const sealing = { LOGFERRY_BROKER_SEALING_KEYS: `1:${randomBytes(32).toString('base64')}` };
  return World.start({
    redis: await startRedis(),
    apps: [...PIPELINE, 'auth0-poller'],
    environment: { 'credential-broker': { ...asking, ...sealing }, 'auth0-poller': asking },
    auth0,
  });
}

/** While a source is read, pollers and everything that they need are killed, alone or several at once. */
export const pulledSource: Scenario<TestRedis> = {
  name: 'pulled-source',
  promise: 'whatever is killed while a source is pulled, each of its log events is in S3, and once',
  async run(scene) {
    const { world, load, chance, form, check, remark } = scene;
    const log = world.auth0?.tenant(DOMAIN);
    if (log === undefined) throw new Error('there is a source to pull');
    await connect(world);
    const victims: string[] = [];
    for (let round = 0; round < form.killRounds; round++) {
      log.fill(chance.between(50, 300), { everyMs: 1 });
      victims.push(await strike(scene, log));
      await load.more(chance.between(1, form.between));
    }
    await world.mend();
    const wanted = log.log.ids();
    await until(() => arrived(world).length >= wanted.length, {
      timeoutMs: form.settleMs,
      intervalMs: 250,
      what: `${wanted.length} log events are pulled`,
    });
    await until(async () => (await world.ledger(PLACE.tenantId, DESTINATION)).waiting === 0, {
      timeoutMs: form.settleMs,
      what: 'nothing that was pulled waits',
    });
    const found = arrived(world);
    const there = new Set(found);
    const lost = wanted.filter((id) => !there.has(id));
    check(lost.length === 0, `${lost.length} of Auth0's are nowhere: ${lost.slice(0, 3).join()}`);
    check(found.length === there.size, `${found.length - there.size} of Auth0's are twice in S3`);
    const { runs } = await new SourceRuns(world.client).page(PLACE, { page: 0, perPage: 1_000 });
    const repeated = runs.reduce((sum, run) => sum + run.repeated, 0);
    check(repeated === 0, `${repeated} were handed over under another key than before`);
    const left = runs.slice(1).filter(({ state }) => state === 'running').length;
    check(left === 0, `${left} runs are told as running, and nobody runs them`);
    const broken = runs.filter(({ state }) => state === 'interrupted').length;
    remark(`${wanted.length} pulled, ${broken} runs interrupted, killed ${victims.join(', ')}`);
  },
};

/** Half of the time while Auth0 is asked for a page; else at any moment. */
async function strike({ world, chance }: Scene<TestRedis>, log: Auth0Tenant): Promise<string> {
  if (chance.happens(0.5)) {
    const last = log.calls.at(-1);
    await until(() => log.calls.at(-1) !== last, {
      intervalMs: 1,
      timeoutMs: 30_000,
      what: 'Auth0 is asked',
    });
  } else await pause(chance.between(0, 1_500));
  const fromMs = Date.now();
  const isRedis = chance.happens(0.25);
  const pollers = world.of('auth0-poller');
  const others = world.of('ingest', 'credential-broker', 's3-worker');
  const struck = [
    ...pollers.filter(() => chance.happens(0.6)),
    ...others.filter(() => chance.happens(0.3)),
  ];
  await Promise.all([
    ...struck.map((member) => world.kill(member)),
    ...(isRedis ? [world.redis.kill()] : []),
  ]);
  await pause(chance.between(0, 2_000));
  if (isRedis) {
    await world.redis.start();
    world.cutOff({ fromMs, toMs: Date.now(), why: 'Redis killed' });
  }
  await Promise.all(struck.map((member) => member.start()));
  return [...struck.map(({ name }) => name), ...(isRedis ? ['Redis'] : [])].join('+') || 'nobody';
}

async function connect(world: World): Promise<void> {
  const [broker] = world.of('credential-broker');
  world.aws.seed(customerAccount({ ...ACCOUNT, issuerUrl: broker?.url ?? '' }));
  const { tenantId, region, roleArn, bucket } = ACCOUNT;
  const store = new ConfigStore(world.client);
  await store.putTenant({ id: tenantId });
  const destination = Destination.parse({
    id: DESTINATION,
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn },
    s3: { bucket, lingerMs: 200 },
  });
  await store.putDestination(tenantId, destination);
  const secret = new Secret(BROKER_SECRET);
  const desk = { host: '127.0.0.1', port: world.brokerTcpPort, secret, tls: undefined };
  await putSource(store, desk, tenantId, {
    id: PLACE.sourceId,
    domain: DOMAIN,
    ...CLIENT,
    schedule: '* * * * * *',
    batchSize: PAGE,
  });
}

/** The ids of the log events that are in the bucket, in any order. */
function arrived({ aws }: World): string[] {
  return aws.objects(ACCOUNT.bucket).flatMap(({ content }) =>
    (content?.toString() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { message: { log_id: string } }).message.log_id),
  );
}
