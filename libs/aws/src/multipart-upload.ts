import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { assert, Failure } from '@logferry/core';
import { setTimeout as wait } from 'node:timers/promises';
import { classify } from './classify';
import { objectSettings, type ObjectCall, type UploadRef } from './object-call';
import type { ObjectPart } from './object-parts';
import { putUnlessTaken, type PutOutcome, type SendToBucket } from './put-outcome';

/** Where it is remembered that an upload was begun. */
export interface UploadMemory {
  /** @returns false if what is uploaded has been delivered meanwhile */
  remember(upload: UploadRef): Promise<boolean>;
  forget(upload: UploadRef): Promise<void>;
}

/** A part may be sent again without harm; what has to be sent anew when that fails is the whole object. */
const PART_TRIES_MAX = 3;
const PART_WAIT_MS = 200;

/** One object, put in parts. Nothing of it is to be seen before it is completed, and then only if nobody has taken its name. */
export class MultipartUpload {
  private readonly done: CompletedPart[] = [];

  constructor(
    private readonly send: SendToBucket,
    private readonly call: ObjectCall,
    private readonly uploads: UploadMemory,
  ) {}

  /**
   * @param rest the parts after the first; the next one is prepared while one is on its way
   * @throws Failure as `S3Sink.put` does, and whatever preparing a part throws; the upload is aborted then, if S3 lets us
   */
  async put(first: Buffer, rest: AsyncGenerator<ObjectPart, void, void>): Promise<PutOutcome> {
    const upload = await this.begin();
    let outcome: PutOutcome | undefined;
    try {
      // Settled by another worker meanwhile: its object is there.
      outcome = (await this.uploads.remember(upload))
        ? await this.uploadAll(upload, first, rest)
        : 'taken';
      return outcome;
    } finally {
      if (outcome !== 'created') await this.abandon(upload);
    }
  }

  /** Begins an upload, uploads a part of it and aborts it: all that an object in parts takes, but for making one. @throws Failure */
  async rehearse(): Promise<void> {
    const upload = await this.begin();
    try {
      await this.uploadPart(upload, Buffer.from('\n'));
    } catch (error) {
      await this.abandon(upload);
      throw error;
    }
    await MultipartUpload.abort(this.send, upload, this.call.bucketOwner);
  }

  /** @throws Failure */
  static async abort(
    send: SendToBucket,
    { bucket, key, uploadId }: UploadRef,
    bucketOwner: string | undefined,
  ): Promise<void> {
    const input = {
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      ExpectedBucketOwner: bucketOwner,
    };
    try {
      await send((client) => client.send(new AbortMultipartUploadCommand(input)));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw classify('s3', error);
    }
  }

  private async begin(): Promise<UploadRef> {
    const { bucket, key } = this.call;
    try {
      const { UploadId } = await this.send((client) =>
        client.send(new CreateMultipartUploadCommand(objectSettings(this.call))),
      );
      assert(UploadId !== undefined, 'S3 names an upload that it has begun');
      return { bucket, key, uploadId: UploadId };
    } catch (error) {
      const failure = classify('s3', error);
      // Without an answer there may be an upload that nobody knows of, but certainly no object.
      throw isUnanswered(failure) ? notStored(failure) : failure;
    }
  }

  private async uploadAll(
    upload: UploadRef,
    first: Buffer,
    rest: AsyncGenerator<ObjectPart, void, void>,
  ): Promise<PutOutcome> {
    for (let part: Buffer | undefined = first; part !== undefined;) {
      const [next]: [IteratorResult<ObjectPart, void>, void] = await both(
        rest.next(),
        this.uploadPart(upload, part),
      );
      part = next.done === true ? undefined : next.value.bytes;
    }
    return this.complete(upload);
  }

  private async uploadPart(upload: UploadRef, body: Buffer): Promise<void> {
    const number = this.done.length + 1;
    for (let tries = 1; ; tries++) {
      try {
        this.done.push(await this.uploadPartOnce(upload, number, body));
        return;
      } catch (error) {
        const failure = classify('s3', error);
        const { code, disposition } = failure;
        const isHopeless = disposition === 'suspend' || disposition === 'reject';
        if (
          tries === PART_TRIES_MAX ||
          isHopeless ||
          isGone(error) ||
          code === 'credential.expired'
        )
          throw isUnanswered(failure) ? notStored(failure) : failure;
        await wait(PART_WAIT_MS * 2 ** tries * (0.5 + Math.random() / 2));
      }
    }
  }

  private async uploadPartOnce(
    { uploadId }: UploadRef,
    number: number,
    body: Buffer,
  ): Promise<CompletedPart> {
    const { bucket, key, bucketOwner, checksum } = this.call;
    const input = {
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: number,
      Body: body,
      ChecksumAlgorithm: checksum,
      ExpectedBucketOwner: bucketOwner,
    };
    const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA256 } = await this.send((client) =>
      client.send(new UploadPartCommand(input)),
    );
    return { PartNumber: number, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA256 };
  }

  private complete({ uploadId }: UploadRef): Promise<PutOutcome> {
    const { bucket, key, bucketOwner } = this.call;
    const input = {
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      MultipartUpload: { Parts: this.done },
      ExpectedBucketOwner: bucketOwner,
      IfNoneMatch: '*',
    };
    return putUnlessTaken(() =>
      this.send((client) => client.send(new CompleteMultipartUploadCommand(input))),
    );
  }

  /** What cannot be aborted now stays remembered, and is aborted by whoever tries the batch next. */
  private async abandon(upload: UploadRef): Promise<void> {
    try {
      await MultipartUpload.abort(this.send, upload, this.call.bucketOwner);
      await this.uploads.forget(upload);
    } catch {
      // Nothing: what went wrong before is what is told, and this must not hide it.
    }
  }
}

/** Waits for both, whatever becomes of one of them: neither may go on behind the back of who cleans up. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

function isUnanswered({ code }: Failure): boolean {
  return code === 'network.unreachable' || code === 's3.unavailable';
}

/** Whether somebody else has aborted the upload. */
function isGone(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchUpload';
}

/** For all that happens before an upload is completed: then there is no object, whatever became of the call. */
function notStored({ cause, callMs, detail = '' }: Failure): Failure {
  return new Failure('s3.not_stored', { cause, callMs, detail });
}
