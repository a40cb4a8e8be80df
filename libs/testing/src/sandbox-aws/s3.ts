// S3 over REST: the operation is read from method, host, path and query, answers and errors are XML.
import type { Answer } from './answer';
import { authenticate } from './authenticate';
import type { Caller } from './authenticate';
import { AwsError } from './aws-error';
import { createBucket, getBucketLocation, headBucket, listBuckets } from './bucket-operations';
import type { Gate } from './gate';
import { deleteObject, getObject, headObject } from './get-object';
import { listObjectsV2 } from './list-objects';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
} from './multipart-operations';
import { putObject } from './put-object';
import type { S3Address } from './s3-address';
import type { S3Operation } from './s3-operation';
import type { SandboxState } from './sandbox-state';
import type { WireRequest } from './wire-request';

/** Everything one operation needs to know about one call. */
export interface S3Call {
  readonly request: WireRequest;
  readonly address: S3Address;
  readonly operation: S3Operation;
  readonly caller: Caller;
  readonly state: SandboxState;
  readonly requestId: string;
}

export interface S3Context {
  readonly state: SandboxState;
  readonly gate: Gate;
  readonly requestId: string;
  readonly address: S3Address;
  readonly operation: S3Operation;
}

const OPERATIONS: Readonly<Record<Exclude<S3Operation, 'Unknown'>, (call: S3Call) => Answer>> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  GetBucketLocation: getBucketLocation,
  ListObjectsV2: listObjectsV2,
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
};

export async function answerS3(request: WireRequest, context: S3Context): Promise<Answer> {
  try {
    return await answer(request, context);
  } catch (error) {
    const { bucket: name = '' } = context.address;
    const bucket = context.state.buckets.bucket(name);
    if (context.operation !== 'HeadBucket' || !bucket || !(error instanceof AwsError)) throw error;
    // HeadBucket tells a bucket's Region to everyone, those it refuses included: clients find their way by it.
    const headers = { ...error.headers, 'x-amz-bucket-region': bucket.region };
    throw new AwsError(error.code, error.message, error.httpStatus, { headers });
  }
}

async function answer(request: WireRequest, context: S3Context): Promise<Answer> {
  const { state, address, operation, requestId } = context;
  if (request.query.has('X-Amz-Signature')) {
    throw new AwsError('NotImplemented', 'The sandbox does not take presigned URLs.', 501);
  }
  const caller = authenticate(request, 's3', state.identities, state.nowMs());
  if (operation === 'Unknown') {
    throw new AwsError('NotImplemented', 'The sandbox does not have this operation of S3.', 501);
  }
  await context.gate({
    service: 's3',
    operation,
    principalArn: caller.principal.arn,
    accessKeyId: caller.accessKeyId,
    account: caller.principal.account,
    roleArn: caller.principal.roleArn,
    region: caller.region,
    bucket: address.bucket,
  });
  return OPERATIONS[operation]({ request, address, operation, caller, state, requestId });
}
