// A batch of a real Redis, the workers' own way to a session, and an S3 that refuses what S3 refuses.
import { S3Sink, sharedTransport, type ObjectCall, type PutOutcome } from '@logferry/aws';
import {
  Destination,
  Failure,
  s3Key,
  sessionKey,
  type AwsSession,
  type FailureCode,
} from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  failFastRedis,
  KeyClaims,
  openQueue,
  type Batch,
  type RedisClient,
  type PayloadSource,
} from '@logferry/queue';
import { BrokerClient, Secret } from '@logferry/runtime';
import {
  aLogEvent,
  anS3Lane,
  startRedis,
  startSandboxAws,
  startSessionBroker,
  until,
  type SandboxAws,
  type SessionBroker,
  type TestRedis,
} from '@logferry/testing';
import { deliverObject } from './deliver-object';

const account = '123456789012';
const region = 'eu-central-1';
const bucket = 'acme-logs';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const HOUR_MS = 3_600_000;
const good: AwsSession = { ...keys, sessionToken: '', expiresAt: Date.now() + HOUR_MS };
const stale: AwsSession = { ...good, accessKeyId: 'ASIAUNKNOWN000000001' };

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;
let claims: KeyClaims;
let producer: BatchProducer;
let queue: ReturnType<typeof openQueue>;
let aws: SandboxAws;
let broker: SessionBroker;
let sessions: BrokerClient;
let sink: S3Sink;
let answers: AwsSession[];
let failure: FailureCode | undefined;
let destination: Destination | undefined;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [server, aws, broker] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
    startSessionBroker(() =>
      failure === undefined
        ? {
            session: answers.shift() ?? good,
            issuedFor: sessionKey(destination ?? aDestination()),
          }
        : { failure },
    ),
  ]);
  process.env.AWS_ENDPOINT_URL = aws.url;
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
  store = new BatchStore(redis, 0);
  claims = new KeyClaims(redis, 0);
  producer = new BatchProducer(redis, store, { groupCommitMs: 1, onEnqueueError: raise });
  queue = openQueue(redis, 's3', 0);
});

beforeEach(async () => {
  await redis.flushall();
  aws.reset();
  const allow = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
    buckets: [{ name: bucket, region, account }],
  });
  answers = [];
  failure = undefined;
  broker.asked.length = 0;
  destination = aDestination();
  sessions = new BrokerClient({
    host: '127.0.0.1',
    port: broker.port,
    secret: new Secret('what all workers know'),
  });
  sink = new S3Sink(sharedTransport({ requestTimeoutMs: 1_000 }), {
    clientsMax: 10,
    forcePathStyle: true,
  });
});

afterEach(() => {
  sessions.close();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await producer.close();
  await queue.close();
  redis.disconnect();
  await Promise.all([server.stop(), aws.stop(), broker.stop()]);
});

function raise(error: unknown): never {
  throw error;
}

function aDestination(over: { enabled?: boolean; region?: string; s3?: object } = {}): Destination {
  return Destination.parse({
    id: 's3',
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    s3: { bucket },
    ...over,
  });
}

interface Begun {
  batch: Batch;
  payload: PayloadSource;
}

async function aBatch(messages: readonly string[] = ['one', 'two']): Promise<Begun> {
  const lane = anS3Lane({ lingerMs: 900_000 });
  const fragments = messages.map((message) => encodeFragment(lane, aLogEvent({ message })));
  await producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    100,
  );
  const [job] = await until(async () => {
    const delayed = await queue.getDelayed();
    return delayed.length === 1 && delayed;
  });
  return begin(job?.id ?? '');
}

async function begin(batchId: string): Promise<Begun> {
  const begun = await store.begin(batchId);
  if (begun === undefined || begun.verdict !== 'go')
    throw new Error(`${batchId} is not to be delivered`);
  return begun;
}

type Put = (call: ObjectCall, put: () => Promise<PutOutcome>) => Promise<PutOutcome>;

/** @param put what happens around each put that the sink is asked for */
function deliver({ batch, payload }: Begun, put: Put = (_, go) => go()): Promise<unknown> {
  const watched = {
    put: (...args: Parameters<S3Sink['put']>) => put(args[1], () => sink.put(...args)),
  };
  const directory = { destination: () => Promise.resolve(destination) };
  return deliverObject(directory, { sessions, sink: watched, claims })(batch, payload);
}

const nthKey = ({ batch }: Begun, n: number): string =>
  s3Key('env0-deployments', batch.firstMs, batch.id, n);

const storedKeys = (from = bucket): string[] => aws.objects(from).map(({ key }) => key);

const textOf = (key: string): string | undefined => aws.object(bucket, key)?.content?.toString();

/** Puts an object of somebody else where a batch's nth object would go. */
async function takeKey(begun: Begun, n: number, into = bucket): Promise<void> {
  const access = { destinationKey: 'stranger', region, session: { ...good } };
  await sink.put(access, {
    bucket: into,
    key: nthKey(begun, n),
    body: Buffer.from("a stranger's"),
    contentType: 'text/plain',
  });
}

test('a batch is one object of newline-delimited JSON, under its first key', async () => {
  const begun = await aBatch(['one', 'two']);
  expect(await deliver(begun)).toEqual({ rejected: [] });
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(aws.object(bucket, nthKey(begun, 0))?.headers['content-type']).toBe(
    'application/x-ndjson',
  );
  const line = (message: string): string =>
    `{"time":"2026-11-21T10:48:00.000Z","type":"deployment","message":"${message}"}\n`;
  expect(textOf(nthKey(begun, 0))).toBe(line('one') + line('two'));
  expect(aws.counters().calls['s3:PutObject']?.calls).toBe(1);
});

test('a key has the form that env0 documents and depends on nothing but the batch', async () => {
  const begun = await aBatch();
  await deliver(begun);
  const [key = ''] = storedKeys();
  expect(key).toMatch(/^env0-deployments\/2026\/11\/21\/10:48:00_[a-z0-9]{5}\.log$/);
  aws.removeBucket(bucket);
  aws.seed({ buckets: [{ name: bucket, region, account }] });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([key]);
});

test.each<[string, Destination | undefined, string]>([
  ['missing', undefined, 'destination.missing'],
  ['disabled', aDestination({ enabled: false }), 'destination.disabled'],
])('a %s destination holds the batch before anybody is asked', async (_, found, code) => {
  destination = found;
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({ code, disposition: 'suspend' });
  expect(broker.asked).toEqual([]);
  expect(aws.counters().calls).toEqual({});
  destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("a bucket's name that was corrected releases what waits for it", async () => {
  destination = aDestination({ s3: { bucket: 'acme-lgos' } });
  const begun = await aBatch();
  aws.removeBucket(bucket);
  await expect(deliver(begun)).rejects.toMatchObject({
    code: 's3.bucket_missing',
    disposition: 'suspend',
  });
  aws.seed({ buckets: [{ name: 'acme-right', region, account }] });
  destination = aDestination({ s3: { bucket: 'acme-right' } });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys('acme-right')).toEqual([nthKey(begun, 0)]);
});

test('a bucket that lies in another Region releases what waits once the Region is corrected', async () => {
  destination = aDestination({ region: 'us-east-1' });
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({ code: 's3.wrong_region' });
  destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("what a put into one bucket may have made does not make a stranger's object in another the batch's own", async () => {
  const begun = await aBatch();
  aws.addFault({ match: { operation: 'PutObject' }, action: { kind: 'lose-answer' }, times: 2 });
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  aws.seed({ buckets: [{ name: 'acme-other', region, account }] });
  await takeKey(begun, 0, 'acme-other');
  destination = aDestination({ s3: { bucket: 'acme-other' } });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys('acme-other')).toEqual([0, 1].map((n) => nthKey(begun, n)).sort());
  // And back: what the first put made is still known as the batch's own.
  destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('an object whose answer was lost twice is not put a second time by the retry', async () => {
  const begun = await aBatch();
  aws.addFault({ match: { operation: 'PutObject' }, action: { kind: 'lose-answer' }, times: 2 });
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('an object whose answer was lost is not put a second time when the session expires meanwhile', async () => {
  const begun = await aBatch();
  aws.addFault({ match: { operation: 'PutObject' }, action: { kind: 'lose-answer' }, times: 1 });
  aws.addFault({
    match: { operation: 'PutObject' },
    action: { kind: 'error', code: 'ExpiredToken', message: '', httpStatus: 400 },
    skip: 1,
    times: 1,
  });
  await deliver(begun).catch(() => undefined);
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('a worker that died after its put leaves an object that the next one takes for its own', async () => {
  const begun = await aBatch();
  await expect(
    deliver(begun, async (_, put) => {
      await put();
      throw new Error('killed');
    }),
  ).rejects.toThrow('killed');
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("a stranger's object is never written over: the next key is used, also by a retry", async () => {
  const begun = await aBatch();
  await takeKey(begun, 0);
  await takeKey(begun, 1);
  aws.addFault({
    match: { operation: 'PutObject' },
    action: { kind: 'lose-answer' },
    skip: 2,
    times: 2,
  });
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([0, 1, 2].map((n) => nthKey(begun, n)).sort());
  expect(textOf(nthKey(begun, 0))).toBe("a stranger's");
  expect(textOf(nthKey(begun, 1))).toBe("a stranger's");
  expect(textOf(nthKey(begun, 2))).toContain('"one"');
});

test.each<[string, () => void, string]>([
  ['throttled', () => aws.addFault({ action: { kind: 'throttle' }, times: 1 }), 's3.throttled'],
  ['forbidden', () => aws.addFault({ action: { kind: 'deny' }, times: 1 }), 's3.access_denied'],
  ['without a session', () => (failure = 'credential.trust_denied'), 'credential.trust_denied'],
])(
  "an attempt that was %s does not make a stranger's object the batch's own",
  async (_, fail, code) => {
    const begun = await aBatch();
    await takeKey(begun, 0);
    fail();
    await expect(deliver(begun)).rejects.toMatchObject({ code });
    failure = undefined;
    await deliver(await begin(begun.batch.id));
    expect(textOf(nthKey(begun, 0))).toBe("a stranger's");
    expect(textOf(nthKey(begun, 1))).toContain('"one"');
  },
);

test.each([19, 20, 21])(
  'with %d keys taken the batch goes under the next one; after 20 of them by another attempt',
  async (taken) => {
    const begun = await aBatch();
    for (let n = 0; n < taken; n++) await takeKey(begun, n);
    if (taken >= 20) {
      await expect(deliver(begun)).rejects.toMatchObject({
        code: 's3.key_taken',
        disposition: 'retry',
      });
      expect(storedKeys()).toHaveLength(taken);
    }
    await deliver(await begin(begun.batch.id));
    expect(storedKeys()).toHaveLength(taken + 1);
    expect(textOf(nthKey(begun, taken))).toContain('"one"');
  },
);

test('a batch that another worker has settled meanwhile is not put again', async () => {
  const begun = await aBatch();
  await takeKey(begun, 0);
  const tried: string[] = [];
  await deliver(begun, async ({ key }, put) => {
    tried.push(key);
    const outcome = await put();
    await store.settle(begun.batch, { rejected: [] });
    return outcome;
  });
  expect(tried).toEqual([nthKey(begun, 0)]);
  expect(await deliver(begun)).toEqual({ rejected: [] });
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('a batch that another worker has put meanwhile and not yet settled is not put again', async () => {
  const begun = await aBatch();
  await deliver(begun, async (_, put) => {
    await deliver(await begin(begun.batch.id));
    return put();
  });
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("another worker's refused put does not make a stranger's object the batch's own either", async () => {
  const begun = await aBatch();
  await takeKey(begun, 0);
  const claimed = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  let other: Promise<unknown> | undefined;
  const first = deliver(begun, async () => {
    other = deliver(begun, async (_, put) => {
      claimed.resolve();
      await refused.promise;
      return put();
    });
    await claimed.promise;
    throw new Failure('s3.throttled');
  });
  await expect(first).rejects.toMatchObject({ code: 's3.throttled' });
  refused.resolve();
  await other;
  expect(textOf(nthKey(begun, 1))).toContain('"one"');
});

test('a session that AWS says is expired is replaced once, and the put is repeated', async () => {
  answers = [stale];
  const begun = await aBatch();
  await deliver(begun);
  expect(broker.asked.map(({ refusedAccessKeyId }) => refusedAccessKeyId)).toEqual([
    undefined,
    stale.accessKeyId,
  ]);
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('if AWS does not take the fresh session either, the attempt has failed', async () => {
  answers = [stale, { ...stale, accessKeyId: 'ASIAUNKNOWN000000002' }];
  await expect(deliver(await aBatch())).rejects.toMatchObject({
    code: 'credential.expired',
    disposition: 'retry',
  });
  expect(broker.asked).toHaveLength(2);
  expect(storedKeys()).toEqual([]);
});

test('a batch of another sink is a fault of ours, and never put', async () => {
  const { batch, payload } = await aBatch();
  const target = { sink: 'cloudwatch', logGroup: 'group', logStream: 'stream' } as const;
  await expect(deliver({ batch: { ...batch, target }, payload })).rejects.toThrow('S3 batches');
  expect(aws.counters().calls).toEqual({});
});
