// What is remembered of tests, and how many there are at once; what a test does is another's (connection-test.test.ts).
import { Destination } from '@logferry/core';
import { failFastRedis, type RedisClient } from '@logferry/queue';
import { openLogger } from '@logferry/runtime';
import { ConfigStore, ConnectionResults } from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { ConnectionDesk } from './connection-desk';
import type { Step } from './connection-step';

const log = openLogger('test', 'silent');

let server: TestRedis;
let redis: RedisClient;
let store: ConfigStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const destination = Destination.parse({
  id: 'logs',
  type: 's3',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  s3: { bucket: 'acme-logs' },
});
const place = { tenantId: 'acme', destinationId: 'logs' };

beforeEach(async () => {
  await redis.flushall();
  store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  await store.putDestination('acme', destination);
});

const session: Step = { step: 'session', outcome: 'ok', message: 'there is a session', tookMs: 1 };
const decoy = (over: Partial<Step>): Step => ({ ...session, step: 'decoy', ...over });
const accepted = decoy({ outcome: 'failed', code: 'role.trusts_others' });

function aDesk(steps: () => Step[]): ConnectionDesk {
  const run = async function* (): AsyncGenerator<Step, void, void> {
    for (const step of steps()) yield await Promise.resolve(step);
  };
  return new ConnectionDesk({
    store,
    results: new ConnectionResults(redis),
    test: { run },
    log,
    readOnly: false,
    onChange: () => undefined,
  });
}

async function told(steps: Promise<AsyncIterable<Step>>): Promise<Step[]> {
  const all: Step[] = [];
  for await (const step of await steps) all.push(step);
  return all;
}

describe('a role that was found to trust others', () => {
  let now: Step[];
  const desk = () => aDesk(() => now);
  const remembersIt = async () => (await desk().mayEnable('acme', destination)) !== undefined;

  beforeEach(async () => {
    now = [session, accepted];
    await told(desk().test(place));
    expect(await remembersIt()).toBe(true);
  });

  test.each<[string, Step[]]>([
    ['AWS gave no clear answer', [session, decoy({ outcome: 'unknown' })]],
    ['there was no session to try with', [decoy({ outcome: 'skipped' })]],
    [
      'there was no time left',
      [session, decoy({ outcome: 'failed', code: 'network.unreachable' })],
    ],
  ])('is still one after a test in which %s', async (_, steps) => {
    now = steps;
    await told(desk().test(place));
    expect(await remembersIt()).toBe(true);
  });

  test('is none any more once AWS refuses others, and says nothing of another role', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/other';
    const credentials = { ...destination.credentials, roleArn };
    await store.putDestination('acme', Destination.parse({ ...destination, credentials }));
    now = [session, decoy({ outcome: 'unknown' })];
    await told(desk().test(place));
    expect(await remembersIt()).toBe(false);
    now = [session, accepted];
    await store.putDestination('acme', destination);
    await told(desk().test(place));
    now = [session, decoy({})];
    await told(desk().test(place));
    expect(await remembersIt()).toBe(false);
  });
});

test('of two tests of a destination that are asked for in the same moment, one is made', async () => {
  let runs = 0;
  const desk = aDesk(() => {
    runs++;
    return [session];
  });
  const asked = await Promise.allSettled([told(desk.test(place)), told(desk.test(place))]);
  expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(runs).toBe(1);
  expect(await told(desk.test(place))).toEqual([session]);
});

test('a test goes on to its end though nobody asks for its steps', async () => {
  const desk = aDesk(() => [session]);
  await desk.test(place);
  await until(async () => (await new ConnectionResults(redis).get('acme/logs')) !== undefined);
  await until(() =>
    told(desk.test(place)).then(
      () => true,
      () => false,
    ),
  );
  expect(await desk.last(place)).toMatchObject({ outcome: 'passed' });
});
