// What is remembered of tests, and how many there are at once; what a test does is another's (connection-test.test.ts).
import { Destination, Failure, type DecoyOutcome } from '@logferry/core';
import { patientRedis, type RedisClient } from '@logferry/queue';
import { openLogger } from '@logferry/runtime';
import { AuditTrail, ConfigStore, ConnectionResults, isWide } from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { ConnectionDesk } from './connection-desk';
import type { Step } from './connection-step';
import type { TestDecoys } from './connection-test';

const log = openLogger('test', 'silent');

let server: TestRedis;
let redis: RedisClient;
let store: ConfigStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  await until(() => redis.status === 'ready');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const roleArn = 'arn:aws:iam::123456789012:role/logferry';
const destination = Destination.parse({
  id: 'logs',
  type: 's3',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn },
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
const accepted = decoy({ outcome: 'failed', code: 'credential.trusts_others' });

/** What a role that is tried as somebody else answers; an error is a broker that is away. */
let tried: () => Promise<{ outcome: DecoyOutcome }>;

function aDesk(steps: () => Step[]): ConnectionDesk {
  const decoys: TestDecoys = { tryDecoys: () => tried() };
  const run = async function* (): AsyncGenerator<Step, void, void> {
    for (const step of steps()) yield await Promise.resolve(step);
  };
  return new ConnectionDesk({
    store,
    results: new ConnectionResults(redis),
    test: { run },
    decoys,
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

const unclear = () => Promise.resolve({ outcome: 'unknown' } as const);
const isKnownAsWide = async () => isWide(await store.tenant('acme'), destination.credentials);
const withRole = (roleArn: string) =>
  Destination.parse({ ...destination, credentials: { ...destination.credentials, roleArn } });

beforeEach(() => {
  tried = unclear;
});

describe('a role that was found to trust others', () => {
  let now: Step[];
  const tested = () => told(aDesk(() => now).test(place));

  beforeEach(async () => {
    now = [session, accepted];
    await tested();
    expect(await isKnownAsWide()).toBe(true);
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
    await tested();
    expect(await isKnownAsWide()).toBe(true);
  });

  test('is none any more once AWS refuses others, and says nothing of another role', async () => {
    expect(isWide(await store.tenant('acme'), withRole(`${roleArn}-2`).credentials)).toBe(false);
    now = [session, decoy({})];
    await tested();
    expect(await isKnownAsWide()).toBe(false);
  });

  test('is one for every destination that has it, whatever else is changed of them', async () => {
    const other = { ...destination, id: 'other', region: 'us-east-1' };
    expect(await aDesk(() => []).mayEnable('acme', other, undefined)).toMatch(/another tenant/);
  });

  test('stands in the audit trail, found and mended, each once', async () => {
    await tested();
    now = [session, decoy({})];
    await tested();
    await tested();
    const trail = new AuditTrail(redis, 86_400_000);
    const entries = await trail.list({ tenantId: 'acme', order: 'oldest', limit: 10 });
    expect(
      entries
        .filter(({ kind }) => kind === 'wide_role')
        .map(({ by, action, recordId }) => [by, action, recordId]),
    ).toEqual([
      [{ kind: 'check' }, 'created', `web_identity ${roleArn}`],
      [{ kind: 'check' }, 'deleted', `web_identity ${roleArn}`],
    ]);
  });

  test('is nothing of a tenant that is deleted meanwhile', async () => {
    await redis.flushall();
    await store.putDestination('acme', destination);
    await aDesk(() => now).check('acme', destination);
    expect(await store.wideRoleIds('acme')).toEqual([]);
  });
});

describe('what is to be switched on', () => {
  const mayEnable = () => aDesk(() => []).mayEnable('acme', destination, undefined);

  test.each<[string, () => Promise<{ outcome: DecoyOutcome }>, RegExp | undefined]>([
    [
      'AWS lets others assume its role',
      () => Promise.resolve({ outcome: 'accepted' }),
      /StringEquals/,
    ],
    ['AWS refuses everybody else', () => Promise.resolve({ outcome: 'refused' }), undefined],
    ['AWS says neither', unclear, undefined],
    [
      'the broker is away',
      () => Promise.reject(new Failure('credential.broker_unavailable')),
      undefined,
    ],
  ])('is tried: %s', async (_, answer, refusal) => {
    tried = answer;
    const said = await mayEnable();
    if (refusal === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(refusal);
  });

  test('with a role that is known to trust others is refused until AWS refuses others', async () => {
    await aDesk(() => [session, accepted]).check('acme', destination);
    expect(await mayEnable()).toMatch(/StringEquals/);
    tried = () => Promise.resolve({ outcome: 'refused' });
    expect(await mayEnable()).toBeUndefined();
    expect(await isKnownAsWide()).toBe(false);
  });

  test('with a role that AWS lets others assume makes it known for all that have the role', async () => {
    tried = () => Promise.resolve({ outcome: 'accepted' });
    expect(await mayEnable()).toMatch(/StringEquals/);
    expect(await isKnownAsWide()).toBe(true);
  });

  test('with an access key has no role to try', async () => {
    tried = () => Promise.reject(new Error('nobody is asked'));
    const credentials = {
      kind: 'access_key',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`,
    };
    const withKey = Destination.parse({ ...destination, credentials });
    expect(await aDesk(() => []).mayEnable('acme', withKey, undefined)).toBeUndefined();
  });
});

describe('what is switched on already', () => {
  let asked: number;
  const again = (now: Partial<Destination> = {}) => {
    asked = 0;
    tried = () => {
      asked++;
      return Promise.resolve({ outcome: 'accepted' });
    };
    const to = Destination.parse({ ...destination, ...now });
    return aDesk(() => []).mayEnable('acme', to, destination);
  };
  const checkedWith = (step: Step) => aDesk(() => [session, step]).check('acme', destination);

  test('stays so unasked while AWS has refused others last, of this role and in this Region', async () => {
    await checkedWith(decoy({}));
    expect(await again({ enabled: true })).toBeUndefined();
    expect(asked).toBe(0);
  });

  test.each<[string, () => Promise<unknown>, Partial<Destination>]>([
    ['was never tried', () => Promise.resolve(), {}],
    [
      'was tried, and AWS gave no clear answer',
      () => checkedWith(decoy({ outcome: 'unknown' })),
      {},
    ],
    ['was found to trust others', () => checkedWith(accepted), {}],
    ['was tried in another Region', () => checkedWith(decoy({})), { region: 'us-east-1' }],
    ['is another', () => checkedWith(decoy({})), withRole(`${roleArn}-2`)],
    [
      'was tried before the destination was changed',
      async () => {
        const before = { ...destination, region: 'us-east-1' };
        await aDesk(() => [session, decoy({})]).check('acme', before);
      },
      {},
    ],
    [
      'was found to trust others since, with another destination',
      async () => {
        await checkedWith(decoy({}));
        const other = { ...destination, id: 'other' };
        await aDesk(() => [session, accepted]).check('acme', other);
      },
      {},
    ],
  ])('is tried again if its role %s', async (_, before, now) => {
    await before();
    expect(await again(now)).toMatch(/StringEquals/);
    expect(asked).toBe(1);
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
