// Finding the bucket of a request, with everything S3 checks before it looks at permissions: existence, Region, expected owner.
import { requireS3Access } from './authorize';
import type { Access } from './authorize';
import { AwsError } from './aws-error';
import type { Bucket } from './bucket-store';
import { partitionOf } from './region';
import type { S3Call } from './s3';

export function requireBucket(call: S3Call): Bucket {
  const name = call.address.bucket ?? '';
  const bucket = call.state.buckets.bucket(name);
  if (bucket === undefined) {
    throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, {
      details: { BucketName: name },
    });
  }
  requireRegion(call, bucket);
  const expectedOwner = call.request.headers.get('x-amz-expected-bucket-owner');
  if (expectedOwner !== undefined && expectedOwner !== bucket.account) throw accessDenied(bucket);
  return bucket;
}

export function accessDenied(bucket: Bucket): AwsError {
  return new AwsError('AccessDenied', 'Access Denied', 403, {
    headers: { 'x-amz-bucket-region': bucket.region },
  });
}

/**
 * A request that reached the wrong Region's endpoint is redirected; one that reached the right endpoint with a signature for
 * another Region is malformed. A local host names no Region: in path style the signature's Region stands for the endpoint's, in
 * virtual-host style the name would have led to the bucket's own Region.
 */
function requireRegion(call: S3Call, bucket: Bucket): void {
  const signedRegion = call.caller.region;
  if (call.operation === 'GetBucketLocation' && signedRegion === 'us-east-1') return;
  const { isVirtualHost, hostRegion } = call.address;
  const endpointRegion = hostRegion ?? (isVirtualHost ? bucket.region : signedRegion);
  const headers = { 'x-amz-bucket-region': bucket.region };
  if (signedRegion !== endpointRegion) {
    throw new AwsError(
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${signedRegion}' is wrong; expecting '${endpointRegion}'`,
      400,
      { headers, details: { Region: endpointRegion } },
    );
  }
  if (endpointRegion !== bucket.region) {
    throw new AwsError(
      'PermanentRedirect',
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
      301,
      {
        headers,
        details: {
          Endpoint: `${bucket.name}.s3.${bucket.region}.amazonaws.com`,
          Bucket: bucket.name,
        },
      },
    );
  }
}

export function bucketArn(bucket: Pick<Bucket, 'name' | 'region'>): string {
  return `arn:${partitionOf(bucket.region)}:s3:::${bucket.name}`;
}

/** Buckets have no policies here, so another account's bucket is out of reach whatever the caller's own policies say. */
export function requireBucketAccess(
  call: S3Call,
  bucket: Bucket,
  access: Pick<Access, 'action' | 'context'> & { readonly key?: string },
): void {
  if (call.caller.principal.account !== bucket.account) throw accessDenied(bucket);
  const arn = bucketArn(bucket);
  requireS3Access(call.caller.principal, {
    action: access.action,
    resources: [access.key === undefined ? arn : `${arn}/${access.key}`],
    region: bucket.region,
    ...(access.context && { context: access.context }),
  });
}
