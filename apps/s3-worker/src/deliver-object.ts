import type { ObjectCall, PutOutcome, SinkAccess } from '@logferry/aws';
import { assert, destinationKey, Failure, s3Key } from '@logferry/core';
import type { Batch, Deliver } from '@logferry/queue';
import { deliverableDestination, type FindDestination, type Sessions } from '@logferry/worker';

/** Whoever writes objects, and never over one that is there. */
interface ObjectSink {
  put(access: SinkAccess, call: ObjectCall): Promise<PutOutcome>;
}

/** Where it is remembered that an object is about to be put under a batch's nth key. */
interface KeyClaims {
  claimKey(
    batchId: string,
    n: number,
  ): Promise<{ candidate: number; isFirst: boolean } | undefined>;
}

/** Keys that are tried for one batch; meeting this many strangers in one second of one prefix is no accident. */
const CANDIDATES_MAX = 20;

const CONTENT_TYPE = 'application/x-ndjson';

/** Delivers a batch as one object of newline-delimited JSON. */
export function deliverObject(
  directory: FindDestination,
  { sessions, sink, claims }: { sessions: Sessions; sink: ObjectSink; claims: KeyClaims },
): Deliver {
  return async (batch, payload) => {
    const { tenantId, destinationId, target } = batch;
    assert(target.sink === 's3', 'the queue of S3 batches holds only those');
    const { region } = await deliverableDestination(directory, batch);
    const body = payload.body('', '\n');
    const { bucket, prefix } = target;
    const put = (candidate: number): Promise<PutOutcome> => {
      const key = s3Key(prefix, batch.firstMs, batch.id, candidate);
      return sessions.withSession(tenantId, destinationId, (session) =>
        sink.put(
          { destinationKey: destinationKey(tenantId, destinationId), region, session },
          { bucket, key, body, contentType: CONTENT_TYPE },
        ),
      );
    };
    await putUnderFreeKey(batch, claims, put);
    return { rejected: [] };
  };
}

/**
 * Puts the object under the first of its keys that no stranger holds.
 *
 * A key that is taken is the batch's own object from an earlier attempt, unless nobody has tried that key before: then it is a
 * stranger's, and the next key is tried. Which of the two it is cannot be asked of S3, since a role that may only put cannot look.
 */
async function putUnderFreeKey(
  batch: Batch,
  claims: KeyClaims,
  put: (candidate: number) => Promise<PutOutcome>,
): Promise<void> {
  let next = 0;
  while (next < CANDIDATES_MAX) {
    const claim = await claims.claimKey(batch.id, next);
    if (claim === undefined) return; // another worker has delivered and settled it meanwhile
    const outcome = await put(claim.candidate);
    if (outcome !== 'taken' || !claim.isFirst) return;
    next = claim.candidate + 1;
  }
  throw new Failure('s3.key_taken');
}
