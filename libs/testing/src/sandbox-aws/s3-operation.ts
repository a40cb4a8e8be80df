// Names the S3 operation a request stands for. S3 has no operation header: method, address and a few query words decide.
import type { S3Address } from './s3-address';
import type { WireRequest } from './wire-request';

export type S3Operation =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'GetBucketLocation'
  | 'ListObjectsV2'
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'Unknown';

/** Query words that turn a request into an operation the sandbox does not have. */
const OTHER_OPERATIONS = [
  'acl',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'legal-hold',
  'lifecycle',
  'logging',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versionId',
  'versioning',
  'versions',
  'website',
];

const BUCKET_OPERATIONS: Readonly<Record<string, S3Operation>> = {
  PUT: 'CreateBucket',
  HEAD: 'HeadBucket',
};

const OBJECT_OPERATIONS: Readonly<Record<string, S3Operation>> = {
  PUT: 'PutObject',
  GET: 'GetObject',
  HEAD: 'HeadObject',
  DELETE: 'DeleteObject',
};

/** By method and the query's words, of which each has exactly these. */
const MULTIPART_OPERATIONS: Readonly<Record<string, S3Operation>> = {
  'POST uploads': 'CreateMultipartUpload',
  'PUT partNumber uploadId': 'UploadPart',
  'POST uploadId': 'CompleteMultipartUpload',
  'DELETE uploadId': 'AbortMultipartUpload',
  'GET uploadId': 'ListParts',
};
const MULTIPART_WORDS = ['partNumber', 'uploadId', 'uploads'];

export function s3Operation(request: WireRequest, address: S3Address): S3Operation {
  if (OTHER_OPERATIONS.some((word) => request.query.has(word))) return 'Unknown';
  if (request.headers.has('x-amz-copy-source')) return 'Unknown';
  const words = MULTIPART_WORDS.filter((word) => request.query.has(word));
  if (words.length > 0) {
    const operation = MULTIPART_OPERATIONS[[request.method, ...words].join(' ')] ?? 'Unknown';
    return address.key === '' ? 'Unknown' : operation;
  }
  if (address.bucket === undefined) return request.method === 'GET' ? 'ListBuckets' : 'Unknown';
  if (address.key !== '') return OBJECT_OPERATIONS[request.method] ?? 'Unknown';
  if (request.method !== 'GET') return BUCKET_OPERATIONS[request.method] ?? 'Unknown';
  if (request.query.has('location')) return 'GetBucketLocation';
  return request.query.get('list-type') === '2' ? 'ListObjectsV2' : 'Unknown';
}
