// What becomes of a batch that is put in one call, for each way a put can end.
import { Destination, Failure, type Lane } from '@logferry/core';
import { encodeFragment } from '@logferry/queue';
import { aLogEvent, anS3Lane, until } from '@logferry/testing';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  account,
  aDestination,
  bucket,
  region,
  stale,
  useDeliveryTestbed,
} from './deliver-object.testbed';

const bed = useDeliveryTestbed();
const { aBatch, begin, deliver, nthKey, storedKeys, takeKey, textOf } = bed;

test('a batch is one object of newline-delimited JSON, under its first key', async () => {
  const begun = await aBatch(['one', 'two']);
  expect(await deliver(begun)).toEqual({ rejected: [] });
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(bed.aws.object(bucket, nthKey(begun, 0))?.headers['content-type']).toBe(
    'application/x-ndjson',
  );
  const line = (message: string): string =>
    `{"time":"2026-11-21T10:48:00.000Z","type":"deployment","message":"${message}"}\n`;
  expect(textOf(nthKey(begun, 0))).toBe(line('one') + line('two'));
  expect(bed.aws.counters().calls['s3:PutObject']?.calls).toBe(1);
});

test.each([
  [undefined, {}],
  [{ id: 'r1', isMarked: false }, {}],
  [{ id: 'r1', isMarked: true }, { 'logferry-replay': 'r1' }],
])('of the replay %j an object says %j, and its text is the same', async (replay, metadata) => {
  const begun = await aBatch(['one']);
  await deliver({ ...begun, batch: { ...begun.batch, replay } });
  expect(bed.aws.object(bucket, nthKey(begun, 0))?.metadata).toEqual(metadata);
  expect(textOf(nthKey(begun, 0))).toBe(
    '{"time":"2026-11-21T10:48:00.000Z","type":"deployment","message":"one"}\n',
  );
});

test('what is delivered is kept if its destination says so', async () => {
  const keep = { forMs: 60_000, bytesMax: 1_048_576 };
  bed.destination = Destination.parse({ ...aDestination(), keep });
  expect(await deliver(await aBatch())).toEqual({
    rejected: [],
    keep: { bytesMax: 1_048_576, isEvent: true },
  });
});

test('a key has the form that env0 documents and depends on nothing but the batch', async () => {
  const begun = await aBatch();
  await deliver(begun);
  const [key = ''] = storedKeys();
  expect(key).toMatch(/^env0-deployments\/2026\/11\/21\/10:48:00_[a-z0-9]{5}\.log$/);
  bed.aws.removeBucket(bucket);
  bed.aws.seed({ buckets: [{ name: bucket, region, account }] });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([key]);
});

test.each<[string, Destination | undefined, string]>([
  ['missing', undefined, 'destination.missing'],
  ['disabled', aDestination({ enabled: false }), 'destination.disabled'],
])('a %s destination holds the batch before anybody is asked', async (_, found, code) => {
  bed.destination = found;
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({ code, disposition: 'suspend' });
  expect(bed.broker.asked).toEqual([]);
  expect(bed.aws.counters().calls).toEqual({});
  bed.destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("a bucket's name that was corrected releases what waits for it", async () => {
  bed.destination = aDestination({ s3: { bucket: 'acme-lgos' } });
  const begun = await aBatch();
  bed.aws.removeBucket(bucket);
  await expect(deliver(begun)).rejects.toMatchObject({
    code: 's3.bucket_missing',
    disposition: 'suspend',
  });
  bed.aws.seed({ buckets: [{ name: 'acme-right', region, account }] });
  bed.destination = aDestination({ s3: { bucket: 'acme-right' } });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys('acme-right')).toEqual([nthKey(begun, 0)]);
});

test('a bucket that lies in another Region is found there, and once known at the first call', async () => {
  bed.destination = aDestination({ region: 'us-east-1' });
  const begun = await aBatch();
  await deliver(begun);
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(bed.aws.counters().calls['s3:PutObject']).toEqual({
    calls: 2,
    mostAtOnce: 1,
    errors: { PermanentRedirect: 1 },
  });
  await deliver(await begin(begun.batch.id));
  expect(bed.aws.counters().calls['s3:PutObject']?.calls).toBe(3);
});

test('a bucket of another partition is not followed: the batch is held until it is corrected', async () => {
  bed.aws.seed({ buckets: [{ name: 'acme-gov', region: 'us-gov-west-1', account }] });
  bed.destination = aDestination({ s3: { bucket: 'acme-gov' } });
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({
    code: 's3.wrong_region',
    disposition: 'suspend',
  });
  bed.destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test("a race that S3 refuses does not make a stranger's object the batch's own", async () => {
  const begun = await aBatch();
  await takeKey(begun, 0);
  const code = 'ConditionalRequestConflict';
  bed.aws.addFault({ action: { kind: 'error', code, message: '', httpStatus: 409 }, times: 1 });
  await expect(deliver(begun)).rejects.toMatchObject({
    code: 's3.not_stored',
    disposition: 'retry',
  });
  await deliver(await begin(begun.batch.id));
  expect(textOf(nthKey(begun, 0))).toBe("a stranger's");
  expect(textOf(nthKey(begun, 1))).toContain('"one"');
});

test('the bucket must belong to the account of the role, unless the destination names another', async () => {
  const other = '999999999999';
  bed.destination = aDestination({ s3: { expectedBucketOwner: other } });
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({ code: 's3.access_denied' });
  bed.aws.removeBucket(bucket);
  bed.aws.seed({ accounts: [other], buckets: [{ name: bucket, region, account: other }] });
  bed.destination = aDestination();
  await expect(deliver(await begin(begun.batch.id))).rejects.toMatchObject({
    code: 's3.access_denied',
  });
  bed.aws.removeBucket(bucket);
  bed.aws.seed({ buckets: [{ name: bucket, region, account }] });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test.each([
  ['gzip', gunzipSync],
  ['zstd', zstdDecompressSync],
] as const)('with %s the object is compressed, and says so', async (compression, unpack) => {
  const target = { ...anS3Lane().target, compression } as Lane['target'];
  const lane = anS3Lane({ target, lingerMs: 900_000 });
  const begun = await bed.aBatchOf(lane, [[encodeFragment(lane, aLogEvent({ message: 'one' }))]]);
  await deliver(begun);
  const object = bed.aws.object(bucket, nthKey(begun, 0));
  expect(object?.headers).toEqual({
    'content-type': 'application/x-ndjson',
    'content-encoding': compression,
  });
  expect(unpack(object?.content ?? '').toString()).toBe(
    '{"time":"2026-11-21T10:48:00.000Z","type":"deployment","message":"one"}\n',
  );
});

test('encryption, storage class, checksum and type are those of the destination now', async () => {
  bed.allow('s3:PutObject', 'kms:GenerateDataKey');
  const kmsKeyId = `arn:aws:kms:${region}:${account}:key/1234`;
  bed.destination = aDestination({
    s3: {
      contentType: 'text/plain',
      storageClass: 'GLACIER_IR',
      checksum: 'SHA256',
      encryption: { kind: 'sse_kms', kmsKeyId, bucketKeyEnabled: true },
    },
  });
  const begun = await aBatch();
  await deliver(begun);
  expect(bed.aws.object(bucket, nthKey(begun, 0))).toMatchObject({
    headers: { 'content-type': 'text/plain' },
    storageClass: 'GLACIER_IR',
    checksum: { algorithm: 'sha256' },
    encryption: { algorithm: 'aws:kms', kmsKeyId, bucketKeyEnabled: true },
  });
});

test('a KMS key that is out of reach holds the batch, and correcting it releases it', async () => {
  bed.destination = aDestination({ s3: { encryption: { kind: 'sse_kms', kmsKeyId: 'alias/x' } } });
  const begun = await aBatch();
  await expect(deliver(begun)).rejects.toMatchObject({
    code: 'kms.denied',
    disposition: 'suspend',
  });
  bed.destination = aDestination({ s3: { encryption: { kind: 'sse_s3' } } });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('by delivery time a key is of the first try that may have made the object, and a retry keeps it', async () => {
  const key = '{yyyy}-{MM}-{dd}T{HH}:{mm}:{ss}';
  const target = { ...anS3Lane().target, key, keyTime: 'delivery' } as Lane['target'];
  const lane = anS3Lane({ target, lingerMs: 900_000 });
  const begun = await bed.aBatchOf(lane, [[encodeFragment(lane, aLogEvent())]]);
  bed.aws.addFault({ action: { kind: 'lose-answer' }, times: 2 });
  const before = Date.now();
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  const after = Date.now();
  await until(() => Date.now() > after + 1_100); // the keys of two tries would differ now
  await deliver(await begin(begun.batch.id));
  const [only = '', ...others] = storedKeys();
  expect(others).toEqual([]);
  expect(Date.parse(`${only}Z`)).toBeGreaterThan(before - 1_000);
  expect(Date.parse(`${only}Z`)).toBeLessThanOrEqual(after);
});

test("what a put into one bucket may have made does not make a stranger's object in another the batch's own", async () => {
  const begun = await aBatch();
  bed.aws.addFault({
    match: { operation: 'PutObject' },
    action: { kind: 'lose-answer' },
    times: 2,
  });
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  bed.aws.seed({ buckets: [{ name: 'acme-other', region, account }] });
  await takeKey(begun, 0, 'acme-other');
  bed.destination = aDestination({ s3: { bucket: 'acme-other' } });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys('acme-other')).toEqual([0, 1].map((n) => nthKey(begun, n)).sort());
  // And back: what the first put made is still known as the batch's own.
  bed.destination = aDestination();
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('an object whose answer was lost twice is not put a second time by the retry', async () => {
  const begun = await aBatch();
  bed.aws.addFault({
    match: { operation: 'PutObject' },
    action: { kind: 'lose-answer' },
    times: 2,
  });
  await expect(deliver(begun)).rejects.toMatchObject({ code: 'network.unreachable' });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('an object whose answer was lost is not put a second time when the session expires meanwhile', async () => {
  const begun = await aBatch();
  bed.aws.addFault({
    match: { operation: 'PutObject' },
    action: { kind: 'lose-answer' },
    times: 1,
  });
  bed.aws.addFault({
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
  bed.aws.addFault({
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
  ['throttled', () => bed.aws.addFault({ action: { kind: 'throttle' }, times: 1 }), 's3.throttled'],
  ['forbidden', () => bed.aws.addFault({ action: { kind: 'deny' }, times: 1 }), 's3.access_denied'],
  ['without a session', () => (bed.failure = 'credential.trust_denied'), 'credential.trust_denied'],
])(
  "an attempt that was %s does not make a stranger's object the batch's own",
  async (_, fail, code) => {
    const begun = await aBatch();
    await takeKey(begun, 0);
    fail();
    await expect(deliver(begun)).rejects.toMatchObject({ code });
    bed.failure = undefined;
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
    await bed.store.settle(begun.batch, { rejected: [] });
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
  bed.answers = [stale];
  const begun = await aBatch();
  await deliver(begun);
  expect(bed.broker.asked.map(({ refusedAccessKeyId }) => refusedAccessKeyId)).toEqual([
    undefined,
    stale.accessKeyId,
  ]);
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
});

test('if AWS does not take the fresh session either, the attempt has failed', async () => {
  bed.answers = [stale, { ...stale, accessKeyId: 'ASIAUNKNOWN000000002' }];
  await expect(deliver(await aBatch())).rejects.toMatchObject({
    code: 'credential.expired',
    disposition: 'retry',
  });
  expect(bed.broker.asked).toHaveLength(2);
  expect(storedKeys()).toEqual([]);
});

test('a batch of another sink is a fault of ours, and never put', async () => {
  const { batch, payload } = await aBatch();
  const target = { sink: 'cloudwatch', logGroup: 'group', logStream: 'stream' } as const;
  await expect(deliver({ batch: { ...batch, target }, payload })).rejects.toThrow('S3 batches');
  expect(bed.aws.counters().calls).toEqual({});
});
