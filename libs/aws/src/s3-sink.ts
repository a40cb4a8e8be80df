import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Failure } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify, isBrokenConnection } from './classify';
import { ClientPool } from './client-pool';
import type { SinkAccess } from './sink-access';

export interface ObjectCall {
  bucket: string;
  key: string;
  body: Buffer;
  contentType: string;
}

/**
 * What became of an upload.
 *
 * - `created`: the object is there, and we made it
 * - `taken`: an object of that name was there before this call; it may be ours only if an earlier attempt was made
 * - `created_or_taken`: there now, by this call's own first try or by somebody before: the connection broke in between
 */
export type PutOutcome = 'created' | 'taken' | 'created_or_taken';

/** Writes objects to S3, and never over one that is there. */
export class S3Sink {
  private readonly clients: ClientPool<S3Client>;

  /**
   * @param forcePathStyle whether the bucket goes into the path instead of the host's name, as most S3-compatible stores want it
   */
  constructor(
    private readonly transport: NodeHttpHandler,
    private readonly options: { clientsMax: number; forcePathStyle: boolean },
  ) {
    this.clients = new ClientPool(options.clientsMax);
  }

  /** @throws Failure; after `network.unreachable` and `s3.unavailable` the object may be there, after all others it is not */
  async put(access: SinkAccess, call: ObjectCall): Promise<PutOutcome> {
    const client = this.client(access);
    try {
      return await putOnce(client, call);
    } catch (error) {
      if (!isBrokenConnection(error)) throw classify('s3', error);
    }
    try {
      const second = await putOnce(client, call);
      return second === 'taken' ? 'created_or_taken' : second;
    } catch (error) {
      // Whatever S3 has against the second call, the first may have made the object; no other failure says so.
      const { detail } = classify('s3', error);
      throw new Failure('network.unreachable', {
        cause: error,
        detail: `the connection broke; then ${detail}`,
      });
    }
  }

  private client({ destinationKey, region, session }: SinkAccess): S3Client {
    return this.clients.get(
      destinationKey,
      `${region} ${session.accessKeyId}`,
      () =>
        new S3Client({
          region,
          credentials: session,
          requestHandler: this.transport,
          maxAttempts: 1, // the queue retries; two retriers would multiply
          forcePathStyle: this.options.forcePathStyle,
        }),
    );
  }
}

async function putOnce(
  client: S3Client,
  { bucket, key, body, contentType }: ObjectCall,
): Promise<PutOutcome> {
  try {
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentType: contentType,
        IfNoneMatch: '*',
      }),
    );
    return 'created';
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'PreconditionFailed') return 'taken';
    throw error;
  }
}
