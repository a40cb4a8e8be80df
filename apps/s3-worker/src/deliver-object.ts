import type { ObjectCall, PutOutcome, SinkAccess } from '@logferry/aws';
import { assert, destinationKey, Failure, s3Key } from '@logferry/core';
import type { Deliver } from '@logferry/queue';
import { deliverableDestination, type FindDestination, type Sessions } from '@logferry/worker';

/** Whoever writes objects, and never over one that is there. */
interface ObjectSink {
  put(access: SinkAccess, call: ObjectCall): Promise<PutOutcome>;
}

/** Where it is remembered under which of a batch's keys an object may have been put. */
interface KeyMemory {
  claim(batchId: string, bucket: string): Promise<number | undefined>;
  pass(batchId: string, bucket: string, candidate: number): Promise<boolean>;
  release(batchId: string, bucket: string, candidate: number): Promise<void>;
}

/** Keys that one attempt tries; meeting this many strangers in one second of one prefix is no accident. The next goes on from there. */
const CANDIDATES_MAX = 20;

const CONTENT_TYPE = 'application/x-ndjson';

/** Delivers a batch as one object of newline-delimited JSON. */
export function deliverObject(
  directory: FindDestination,
  { sessions, sink, claims }: { sessions: Sessions; sink: ObjectSink; claims: KeyMemory },
): Deliver {
  return async (batch, payload) => {
    const { tenantId, destinationId, target } = batch;
    assert(target.sink === 's3', 'the queue of S3 batches holds only those');
    const destination = await deliverableDestination(directory, batch);
    let body: Buffer | undefined;
    const { region } = destination;
    // The bucket of now, not that of when the batch was opened: a name that was corrected releases what waits.
    const { bucket } = destination.type === 's3' ? destination.s3 : target;
    const put = (candidate: number): Promise<PutOutcome> => {
      const key = s3Key(target.prefix, batch.firstMs, batch.id, candidate);
      return sessions.withSession(tenantId, destination, async (session) => {
        // Only now: without a session, there is nothing to do with it.
        body ??= (await payload.load()).body('', '\n');
        return sink.put(
          { destinationKey: destinationKey(tenantId, destinationId), region, session },
          { bucket, key, body, contentType: CONTENT_TYPE },
        );
      });
    };
    await putUnderFreeKey({ batchId: batch.id, bucket }, claims, put);
    return { rejected: [] };
  };
}

/**
 * Puts the object under the first of its keys in the bucket that no stranger holds.
 *
 * A key that is taken is the batch's own object from another attempt, unless no other can have made one: then it is a stranger's, and
 * the next key is tried. Which of the two it is cannot be asked of S3, since a role that may only put cannot look.
 */
async function putUnderFreeKey(
  { batchId, bucket }: { batchId: string; bucket: string },
  claims: KeyMemory,
  put: (candidate: number) => Promise<PutOutcome>,
): Promise<void> {
  for (let tried = 0; tried < CANDIDATES_MAX; tried++) {
    const candidate = await claims.claim(batchId, bucket);
    if (candidate === undefined) return; // another worker has delivered and settled it meanwhile
    let outcome: PutOutcome;
    try {
      outcome = await put(candidate);
    } catch (error) {
      if (madeNoObject(error)) await claims.release(batchId, bucket, candidate);
      throw error;
    }
    if (outcome !== 'taken' || !(await claims.pass(batchId, bucket, candidate))) return;
  }
  throw new Failure('s3.key_taken');
}

/** Whether a put was refused, or never sent. Of a call without an answer, or a fault of S3's, nobody knows what it did. */
function madeNoObject(error: unknown): boolean {
  return (
    error instanceof Failure &&
    error.code !== 'network.unreachable' &&
    error.code !== 's3.unavailable'
  );
}
