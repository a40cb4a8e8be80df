import { S3ServiceException, type S3Client } from '@aws-sdk/client-s3';
import { Failure } from '@logferry/core';
import { classify, isBrokenConnection } from './classify';

/**
 * What became of an upload.
 *
 * - `created`: the object is there, and we made it
 * - `taken`: an object of that name was there before this call; it may be ours only if an earlier attempt was made
 * - `created_or_taken`: there now, by this call's own first try or by somebody before: the connection broke in between
 */
export type PutOutcome = 'created' | 'taken' | 'created_or_taken';

/** Sends one command to the bucket of a call, wherever that lies. */
export type SendToBucket = <T>(send: (client: S3Client) => Promise<T>) => Promise<T>;

/**
 * Makes an object by a call that says `If-None-Match: *`. One whose connection breaks is repeated once, at once.
 *
 * @throws Failure; after `network.unreachable` and `s3.unavailable` the object may be there, after all others it is not
 */
export async function putUnlessTaken(call: () => Promise<unknown>): Promise<PutOutcome> {
  try {
    return await once(call);
  } catch (error) {
    if (!isBrokenConnection(error)) throw classify('s3', error);
  }
  try {
    const second = await once(call);
    return second === 'taken' ? 'created_or_taken' : second;
  } catch (error) {
    // Whatever S3 has against the second call, the first may have made the object; no other failure says so.
    const { detail, callMs } = classify('s3', error);
    throw new Failure('network.unreachable', {
      cause: error,
      callMs,
      detail: `the connection broke; then ${detail}`,
    });
  }
}

async function once(call: () => Promise<unknown>): Promise<PutOutcome> {
  try {
    await call();
    return 'created';
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'PreconditionFailed') return 'taken';
    throw error;
  }
}
