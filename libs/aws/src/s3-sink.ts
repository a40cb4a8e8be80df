import {
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Failure, S3 } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { bucketRegionOf, BucketRegions } from './bucket-regions';
import { classify, timed } from './classify';
import { ClientPool } from './client-pool';
import { MultipartUpload, type UploadMemory } from './multipart-upload';
import { objectSettings, type ObjectCall, type UploadRef } from './object-call';
import { cutIntoParts } from './object-parts';
import { putUnlessTaken, type PutOutcome, type SendToBucket } from './put-outcome';
import { sessionIdentity, type SinkAccess } from './sink-access';

/** Writes objects to S3, and never over one that is there. */
export class S3Sink {
  private readonly clients: ClientPool<S3Client>;
  private readonly regions: BucketRegions;

  /**
   * @param forcePathStyle whether the bucket goes into the path instead of the host's name, as most S3-compatible stores want it
   */
  constructor(
    private readonly transport: NodeHttpHandler,
    private readonly options: { clientsMax: number; forcePathStyle: boolean },
  ) {
    this.clients = new ClientPool(options.clientsMax);
    this.regions = new BucketRegions(options.clientsMax);
  }

  /** @throws Failure; after `network.unreachable` and `s3.unavailable` the object may be there, after all others it is not */
  async put(access: SinkAccess, call: ObjectCall, body: Buffer): Promise<PutOutcome> {
    return putWhole(this.sender(access, call.bucket), call, body);
  }

  /**
   * Puts an object whose body comes bit by bit: in one call if it turns out to be no more than a part, else in parts, of which memory
   * holds two.
   *
   * @param uploads told of an upload before anything is uploaded, so that it can be aborted if we are killed
   * @throws Failure as `put` does, and whatever reading the body throws
   */
  async putStream(
    access: SinkAccess,
    call: ObjectCall,
    body: AsyncIterable<Buffer>,
    uploads: UploadMemory,
  ): Promise<PutOutcome> {
    const send = this.sender(access, call.bucket);
    const parts = cutIntoParts(body, S3.partBytes);
    try {
      const first = await parts.next();
      if (first.done === true) return await putWhole(send, call, Buffer.alloc(0));
      if (first.value.isLast) return await putWhole(send, call, first.value.bytes);
      return await new MultipartUpload(send, call, uploads).put(first.value.bytes, parts);
    } finally {
      await parts.return();
    }
  }

  /** Aborts an upload that somebody has left behind. One that is not there any more is aborted too. */
  async abort(
    access: SinkAccess,
    upload: UploadRef,
    bucketOwner: string | undefined,
  ): Promise<void> {
    await MultipartUpload.abort(this.sender(access, upload.bucket), upload, bucketOwner);
  }

  /**
   * Where a bucket lies, whether or not we may do anything with it.
   *
   * @returns `undefined` if S3 does not say so
   * @throws Failure `s3.bucket_missing`, or whatever keeps S3 from answering
   */
  async regionOf(access: SinkAccess, bucket: string): Promise<string | undefined> {
    try {
      const client = this.client(access, access.region);
      const { BucketRegion } = await client.send(new HeadBucketCommand({ Bucket: bucket }));
      return BucketRegion ?? access.region;
    } catch (error) {
      const region = bucketRegionOf(error);
      if (region !== undefined) return region;
      // What is asked by HEAD is refused without a body, and so without a name for why.
      if (isNotFound(error)) throw new Failure('s3.bucket_missing', { cause: error });
      const failure = classify('s3', error);
      if (failure.code === 's3.access_denied') return undefined;
      throw failure;
    }
  }

  /**
   * Tries all that an object in parts takes, and leaves nothing behind but, where we may not abort it, one part of a few bytes.
   *
   * @throws Failure as `putStream` does
   */
  async tryParts(access: SinkAccess, call: ObjectCall): Promise<void> {
    const nowhere = { remember: () => Promise.resolve(true), forget: () => Promise.resolve() };
    await new MultipartUpload(this.sender(access, call.bucket), call, nowhere).rehearse();
  }

  private sender(access: SinkAccess, bucket: string): SendToBucket {
    const place = { ...access, bucket };
    const sendTo = <T>(region: string, send: (client: S3Client) => Promise<T>): Promise<T> =>
      timed(() => send(this.client(access, region)));
    return async (send) => {
      const region = this.regions.of(place);
      try {
        return await sendTo(region, send);
      } catch (error) {
        if (!this.regions.learn(place, region, error)) throw error;
        return sendTo(this.regions.of(place), send);
      }
    };
  }

  private client({ destinationKey, session }: SinkAccess, region: string): S3Client {
    return this.clients.get(
      destinationKey,
      sessionIdentity(region, session),
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

function putWhole(send: SendToBucket, call: ObjectCall, body: Buffer): Promise<PutOutcome> {
  const input = { ...objectSettings(call), Body: body, IfNoneMatch: '*' };
  return putUnlessTaken(() => send((client) => client.send(new PutObjectCommand(input))));
}

function isNotFound(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
}
