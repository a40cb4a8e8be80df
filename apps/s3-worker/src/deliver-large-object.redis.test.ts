// What becomes of a batch that is too large for one call, for each way in which putting it in parts can end.
import { S3, type Lane } from '@logferry/core';
import { encodeFragment, type Fragment } from '@logferry/queue';
import { aLogEvent, anS3Lane, until, type FaultSpec } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  aDestination,
  bucket,
  region,
  useDeliveryTestbed,
  type Begun,
} from './deliver-object.testbed';

const bed = useDeliveryTestbed();
const { begin, deliver, nthKey, storedKeys, takeKey, textOf } = bed;

jest.setTimeout(30_000); // megabytes are signed and checked by either side of each call

const BASE_MS = Date.UTC(2026, 10, 21, 10);
const MESSAGE_BYTES = 900_000;
/** As much as no compression makes smaller. */
const messages = Array.from({ length: 14 }, () =>
  randomBytes((MESSAGE_BYTES * 3) / 4).toString('base64'),
);

function largeLane(compression: 'none' | 'gzip' | 'zstd' = 'none'): Lane {
  const { target, limits } = anS3Lane();
  return anS3Lane({
    target: { ...target, compression } as Lane['target'],
    limits: { ...limits, bytesMax: 64 * 1024 * 1024 },
    lingerMs: 900_000,
  });
}

/** Two senders' log events, whose times overlap. */
function fragments(lane: Lane): [Fragment[], Fragment[]] {
  const ofSender = (sender: number): Fragment[] =>
    messages.slice(7 * sender, 7 * sender + 7).map((message, i) => {
      const timeMs = BASE_MS + 2 * i + sender;
      return encodeFragment(lane, aLogEvent({ timeMs, message }));
    });
  return [ofSender(0), ofSender(1)];
}

async function aLargeBatch(lane = largeLane()): Promise<Begun & { text: string }> {
  const commits = fragments(lane);
  const begun = await bed.aBatchOf(lane, commits);
  const inOrder = commits.flat().sort((a, b) => a.timeMs - b.timeMs);
  return { ...begun, text: inOrder.map(({ text }) => `${text}\n`).join('') };
}

beforeEach(() => bed.allow('s3:PutObject', 's3:AbortMultipartUpload'));

const calls = (operation: string): number =>
  bed.aws.counters().calls[`s3:${operation}`]?.calls ?? 0;

const on = (operation: string, action: FaultSpec['action'], times?: number): string =>
  bed.aws.addFault({ match: { operation }, action, ...(times === undefined ? {} : { times }) });

test('an object in parts says which replay has put it, if that is wanted', async () => {
  const begun = await aLargeBatch();
  await deliver({ ...begun, batch: { ...begun.batch, replay: { id: 'r1', isMarked: true } } });
  expect(calls('CreateMultipartUpload')).toBe(1);
  expect(bed.aws.object(bucket, nthKey(begun, 0))?.metadata).toEqual({ 'logferry-replay': 'r1' });
});

test('a large batch is one object, in parts, complete and in order of time', async () => {
  const begun = await aLargeBatch();
  expect(begun.batch.bytes).toBe(begun.text.length);
  await deliver(begun);
  expect(textOf(nthKey(begun, 0)) === begun.text).toBe(true);
  expect([calls('PutObject'), calls('UploadPart')]).toEqual([
    0,
    Math.ceil(begun.text.length / S3.partBytes),
  ]);
  expect(bed.aws.uploads(bucket)).toEqual([]);
});

test.each([
  ['gzip', gunzipSync],
  ['zstd', zstdDecompressSync],
] as const)(
  'compressed with %s on its way, it unpacks to the same',
  async (compression, unpack) => {
    const begun = await aLargeBatch(largeLane(compression));
    await deliver(begun);
    const object = bed.aws.object(bucket, nthKey(begun, 0));
    expect(object?.headers['content-encoding']).toBe(compression);
    expect(unpack(object?.content ?? '').toString() === begun.text).toBe(true);
    expect(calls('UploadPart')).toBe(2);
  },
);

test('what is large only until it is compressed is put in one call', async () => {
  const lane = largeLane('gzip');
  const message = 'a'.repeat(MESSAGE_BYTES);
  const commit = messages.map((_, i) =>
    encodeFragment(lane, aLogEvent({ timeMs: BASE_MS + i, message })),
  );
  const begun = await bed.aBatchOf(lane, [commit]);
  await deliver(begun);
  expect([calls('PutObject'), calls('CreateMultipartUpload')]).toEqual([1, 0]);
  const { content = '' } = bed.aws.object(bucket, nthKey(begun, 0)) ?? {};
  expect(gunzipSync(content)).toHaveLength(begun.batch.bytes);
});

test('a worker that stopped in the middle leaves an upload, and the next one aborts it and delivers', async () => {
  const begun = await aLargeBatch();
  const hung = on('UploadPart', { kind: 'hang' }, 1);
  const stopped = deliver(begun);
  await until(() => bed.aws.faults().some(({ id, hits }) => id === hung && hits > 0));
  const [left] = await bed.uploads.list(begun.batch.id);
  expect(bed.aws.uploads(bucket).map(({ uploadId }) => uploadId)).toEqual([left?.uploadId]);

  await deliver(await begin(begun.batch.id));
  expect(await bed.store.settle(begun.batch, { rejected: [] })).toBeDefined();
  // And when the first one wakes up, it makes nothing of what it had.
  bed.aws.clearFaults();
  await expect(stopped).rejects.toMatchObject({ code: 's3.not_stored' });
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(textOf(nthKey(begun, 0)) === begun.text).toBe(true);
  expect(bed.aws.uploads(bucket)).toEqual([]);
  expect(bed.aws.counters().objects).toMatchObject({ put: 1, overwritten: 0 });
});

test.each<[string, FaultSpec['action'], string]>([
  ['CompleteMultipartUpload', { kind: 'lose-answer' }, 'network.unreachable'],
  ['CompleteMultipartUpload', { kind: 'server-error' }, 's3.unavailable'],
  ['UploadPart', { kind: 'server-error' }, 's3.not_stored'],
  ['CreateMultipartUpload', { kind: 'lose-answer' }, 's3.not_stored'],
])(
  'an attempt whose %s ended with %o is made up for by the next, once',
  async (call, action, code) => {
    const begun = await aLargeBatch();
    on(call, action);
    await expect(deliver(begun)).rejects.toMatchObject({ code, disposition: 'retry' });
    bed.aws.clearFaults();
    await deliver(await begin(begun.batch.id));
    expect(storedKeys()).toEqual([nthKey(begun, 0)]);
    expect(textOf(nthKey(begun, 0)) === begun.text).toBe(true);
    expect(bed.aws.counters().objects).toMatchObject({ put: 1, overwritten: 0 });
    // Of an upload whose very beginning was not answered, nobody knows the id.
    expect(bed.aws.uploads(bucket)).toHaveLength(call === 'CreateMultipartUpload' ? 1 : 0);
  },
);

test('an upload that could not be aborted is aborted by the next attempt', async () => {
  const begun = await aLargeBatch();
  on('UploadPart', { kind: 'deny' }, 1);
  on('AbortMultipartUpload', { kind: 'server-error' }, 1);
  await expect(deliver(begun)).rejects.toMatchObject({ code: 's3.access_denied' });
  expect(bed.aws.uploads(bucket)).toHaveLength(1);
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(bed.aws.uploads(bucket)).toEqual([]);
});

test('a role that may only put delivers too; what it leaves behind is for a lifecycle rule', async () => {
  bed.allow('s3:PutObject');
  const begun = await aLargeBatch();
  on('UploadPart', { kind: 'deny' }, 1);
  await expect(deliver(begun)).rejects.toMatchObject({ code: 's3.access_denied' });
  await deliver(await begin(begun.batch.id));
  expect(storedKeys()).toEqual([nthKey(begun, 0)]);
  expect(bed.aws.uploads(bucket)).toHaveLength(1);
  expect(await bed.uploads.list(begun.batch.id)).toMatchObject([{ key: nthKey(begun, 0) }]);
});

test("a stranger's object is never written over: the whole is put under the next key", async () => {
  const begun = await aLargeBatch();
  await takeKey(begun, 0);
  await deliver(begun);
  expect(textOf(nthKey(begun, 0))).toBe("a stranger's");
  expect(textOf(nthKey(begun, 1)) === begun.text).toBe(true);
  expect(bed.aws.uploads(bucket)).toEqual([]);
});

test('a session that expires on the way costs no attempt, and no upload stays', async () => {
  const begun = await aLargeBatch();
  const expired = { kind: 'error', code: 'ExpiredToken', message: '', httpStatus: 400 } as const;
  on('UploadPart', expired, 1);
  on('AbortMultipartUpload', expired, 1);
  await deliver(begun);
  expect(textOf(nthKey(begun, 0)) === begun.text).toBe(true);
  expect(bed.aws.uploads(bucket)).toEqual([]);
});

test('a bucket elsewhere is found, and an upload there is aborted there', async () => {
  bed.aws.seed({ buckets: [{ name: 'acme-far', region: 'eu-west-1', account: '123456789012' }] });
  bed.destination = aDestination({ region, s3: { bucket: 'acme-far' } });
  const begun = await aLargeBatch();
  on('UploadPart', { kind: 'deny' }, 1);
  await expect(deliver(begun)).rejects.toMatchObject({ code: 's3.access_denied' });
  expect(bed.aws.uploads('acme-far')).toEqual([]);
  await deliver(await begin(begun.batch.id));
  expect(storedKeys('acme-far')).toEqual([nthKey(begun, 0)]);
});
