// The operations on buckets themselves.
import type { Answer } from './answer';
import { requireS3Access } from './authorize';
import { AwsError } from './aws-error';
import { S3 } from './limits';
import { bucketArn, requireBucket, requireBucketAccess } from './s3-bucket';
import type { S3Call } from './s3';
import { s3Document, s3Empty } from './s3-xml';
import { element } from './xml';

export function createBucket(call: S3Call): Answer {
  const { caller, state } = call;
  const name = call.address.bucket ?? '';
  if (!isBucketName(name)) {
    throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, {
      details: { BucketName: name },
    });
  }
  const region = readLocation(call);
  requireS3Access(caller.principal, {
    action: 's3:CreateBucket',
    resources: [bucketArn({ name, region })],
    region,
  });
  const existing = state.buckets.bucket(name);
  if (existing !== undefined && existing.account !== caller.principal.account) {
    throw new AwsError(
      'BucketAlreadyExists',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
      409,
    );
  }
  // us-east-1 answers 200 to its bucket's owner, for the sake of clients older than this error.
  if (existing !== undefined && (existing.region !== 'us-east-1' || region !== 'us-east-1')) {
    throw new AwsError(
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
      409,
    );
  }
  if (existing === undefined) {
    state.buckets.create({ name, region, account: caller.principal.account }, state.nowMs());
    state.announceChange();
  }
  return s3Empty(200, call.requestId, { location: `/${name}` });
}

export function isBucketName(name: string): boolean {
  return (
    S3.bucketNamePattern.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/u.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/u.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/u.test(name)
  );
}

function readLocation({ request, caller }: S3Call): string {
  const constraint = /<LocationConstraint>([^<]*)<\/LocationConstraint>/u.exec(
    request.body.toString('utf8'),
  )?.[1];
  const region = constraint ?? 'us-east-1';
  if (region === caller.region) return region;
  throw new AwsError(
    'IllegalLocationConstraintException',
    `The ${constraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  );
}

export function headBucket(call: S3Call): Answer {
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:ListBucket' });
  return s3Empty(200, call.requestId, {
    'x-amz-bucket-region': bucket.region,
    'x-amz-access-point-alias': 'false',
  });
}

export function getBucketLocation(call: S3Call): Answer {
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:GetBucketLocation' });
  const location = bucket.region === 'us-east-1' ? '' : bucket.region;
  return s3Document('LocationConstraint', location, call.requestId);
}

export function listBuckets(call: S3Call): Answer {
  const { caller, state } = call;
  requireS3Access(caller.principal, {
    action: 's3:ListAllMyBuckets',
    resources: ['arn:aws:s3:::*'],
    region: caller.region,
  });
  const buckets = state.buckets
    .all()
    .filter((bucket) => bucket.account === caller.principal.account)
    .map((bucket) => {
      const createdAt = new Date(bucket.createdAtMs).toISOString();
      const fields = [
        element('Name', bucket.name),
        element('CreationDate', createdAt),
        element('BucketRegion', bucket.region),
      ];
      return `<Bucket>${fields.join('')}</Bucket>`;
    });
  const owner = `<Owner>${element('ID', caller.principal.account)}</Owner>`;
  const content = `${owner}<Buckets>${buckets.join('')}</Buckets>`;
  return s3Document('ListAllMyBucketsResult', content, call.requestId);
}
