import type { ObjectCall, ObjectStorage, PutOutcome, S3Sink, SinkAccess } from '@logferry/aws';
import {
  accountOf,
  assert,
  destinationKey,
  Failure,
  objectKey,
  S3,
  strayTarget,
  type AwsSession,
  type S3Destination,
  type S3Target,
} from '@logferry/core';
import type { Batch, BatchUploads, Deliver, KeyClaim, PayloadSource } from '@logferry/queue';
import { deliverableDestination, type FindDestination, type Sessions } from '@logferry/worker';
import { compress, compressStream } from './compress';
import type { MemoryShare } from './memory-share';

/** Whoever writes objects, and never over one that is there. */
export type ObjectSink = Pick<S3Sink, 'put' | 'putStream' | 'abort'>;

/** Where it is remembered under which of a batch's keys an object may have been put. */
interface KeyMemory {
  claim(batchId: string, bucket: string): Promise<KeyClaim | undefined>;
  pass(batchId: string, bucket: string, candidate: number): Promise<boolean>;
  release(batchId: string, bucket: string, candidate: number): Promise<void>;
}

interface DeliverParts {
  sessions: Sessions;
  sink: ObjectSink;
  claims: KeyMemory;
  uploads: Pick<BatchUploads, 'remember' | 'forget' | 'list'>;
  memory: MemoryShare;
}

/** Keys that one attempt tries; meeting this many strangers in one second of one prefix is no accident. The next goes on from there. */
const CANDIDATES_MAX = 20;

/** What a batch takes that is read bit by bit: what overlaps in time, twice; a part on its way, and the next one. */
const STREAM_BYTES = 48 * 1024 * 1024;

/** Delivers a batch as one object of newline-delimited JSON. */
export function deliverObject(directory: FindDestination, parts: DeliverParts): Deliver {
  return async (batch, payload) => {
    const { tenantId, destinationId, target } = batch;
    assert(target.sink === 's3', 'the queue of S3 batches holds only those');
    const destination = await deliverableDestination(directory, batch);
    // Something else is under its name now, which is no place for objects.
    if (destination.type !== 's3') throw new Failure('destination.missing');
    const delivery = new ObjectDelivery({ batch, target, destination, payload }, parts);
    const who = { tenantId, destinationId };
    await parts.memory.hold(who, delivery.bytes, () => delivery.run());
    const { keep } = destination;
    return { rejected: [], keep: keep && { bytesMax: keep.bytesMax, isEvent: true } };
  };
}

interface Work {
  batch: Batch;
  target: S3Target;
  destination: S3Destination;
  payload: PayloadSource;
}

/** One attempt to deliver one batch. */
class ObjectDelivery {
  /** What it takes of memory. */
  readonly bytes: number;
  private readonly isStreamed: boolean;
  private body: Buffer | undefined;

  constructor(
    private readonly work: Work,
    private readonly parts: DeliverParts,
  ) {
    const { bytes } = work.batch;
    this.isStreamed = bytes > S3.partBytes;
    this.bytes = this.isStreamed ? STREAM_BYTES : 3 * bytes; // unpacked, put together, compressed
  }

  /**
   * Puts the object under the first of its keys in the bucket that no stranger holds.
   *
   * A key that is taken is the batch's own object from another attempt, unless no other can have made one: then it is a stranger's, and
   * the next key is tried. Which of the two it is cannot be asked of S3, since a role that may only put cannot look.
   */
  async run(): Promise<void> {
    const { claims } = this.parts;
    const { id } = this.work.batch;
    const { bucket } = this.work.destination.s3;
    for (let tried = 0; tried < CANDIDATES_MAX; tried++) {
      const claim = await claims.claim(id, bucket);
      if (claim === undefined) return; // another worker has delivered and settled it meanwhile
      const { candidate } = claim;
      let outcome: PutOutcome;
      try {
        outcome = await this.put(claim);
      } catch (error) {
        if (madeNoObject(error)) await claims.release(id, bucket, candidate);
        throw error;
      }
      if (outcome !== 'taken' || !(await claims.pass(id, bucket, candidate))) return;
    }
    throw new Failure('s3.key_taken');
  }

  private put({ candidate, since }: KeyClaim): Promise<PutOutcome> {
    const { batch, target, destination } = this.work;
    const { tenantId, destinationId, firstMs, id } = batch;
    const timeMs = target.keyTime === 'event' ? firstMs : since;
    const call: ObjectCall = {
      // The bucket of now, not that of when the batch was opened: a name that was corrected releases what waits.
      bucket: destination.s3.bucket,
      key: objectKey(target.key, timeMs, id, candidate),
      compression: target.compression,
      ...storageOf(destination),
      ...(batch.replay?.isMarked === true ? { replayId: batch.replay.id } : {}),
    };
    const deliver = (session: AwsSession): Promise<PutOutcome> => {
      const { region } = destination;
      const access = { destinationKey: destinationKey(tenantId, destinationId), region, session };
      return this.isStreamed ? this.putStream(access, call) : this.putWhole(access, call);
    };
    const stray = strayTarget(tenantId, destination, target);
    return this.parts.sessions.withSession(tenantId, destination, deliver, stray);
  }

  private async putWhole(access: SinkAccess, call: ObjectCall): Promise<PutOutcome> {
    // Only now: without a session, there is nothing to do with it.
    this.body ??= await compress(call.compression, (await this.work.payload.load()).body('', '\n'));
    return this.parts.sink.put(access, call, this.body);
  }

  private async putStream(access: SinkAccess, call: ObjectCall): Promise<PutOutcome> {
    const { sink, uploads } = this.parts;
    const { batch, payload } = this.work;
    await this.abortLeftBehind(access, call);
    const body = compressStream(call.compression, payload.stream());
    return sink.putStream(access, call, body, {
      remember: (upload) => uploads.remember(batch.id, upload),
      forget: (upload) => uploads.forget(batch.id, upload),
    });
  }

  /** What earlier attempts have uploaded and could not abort: a worker was killed, or S3 was away. */
  private async abortLeftBehind(access: SinkAccess, { bucketOwner }: ObjectCall): Promise<void> {
    const { sink, uploads } = this.parts;
    const { id } = this.work.batch;
    for (const upload of await uploads.list(id)) {
      try {
        await sink.abort(access, upload, bucketOwner);
      } catch (error) {
        // Where we may not abort, trying again at every attempt only adds calls: the bucket's own lifecycle rule has to.
        if (!(error instanceof Failure && error.code === 's3.access_denied')) continue;
      }
      await uploads.forget(id, upload);
    }
  }
}

function storageOf(destination: S3Destination): ObjectStorage {
  const { contentType, encryption, storageClass, checksum } = destination.s3;
  const bucketOwner = destination.s3.expectedBucketOwner ?? accountOf(destination);
  return { contentType, encryption, storageClass, checksum, bucketOwner };
}

/** Whether a put was refused, or never sent. Of a call without an answer, or a fault of S3's, nobody knows what it did. */
function madeNoObject(error: unknown): boolean {
  return (
    error instanceof Failure &&
    error.code !== 'network.unreachable' &&
    error.code !== 's3.unavailable'
  );
}
