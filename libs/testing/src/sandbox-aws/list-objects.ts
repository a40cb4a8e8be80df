// ListObjectsV2: keys in order, folded at a delimiter, page by page.
import type { Answer } from './answer';
import { AwsError } from './aws-error';
import { compareUtf8 } from './bucket-store';
import type { Bucket, StoredObject } from './bucket-store';
import { S3 } from './limits';
import { decodeToken, encodeToken } from './page-token';
import type { S3Call } from './s3';
import { requireBucket, requireBucketAccess } from './s3-bucket';
import { s3Document } from './s3-xml';
import { encodeStrictly } from './sigv4';
import { element } from './xml';

interface Listing {
  readonly prefix: string;
  readonly delimiter: string;
  readonly after: string;
  readonly keysMax: number;
}

type Entry = { readonly key: string } | { readonly commonPrefix: string };

export function listObjectsV2(call: S3Call): Answer {
  const { query } = call.request;
  const bucket = requireBucket(call);
  const listing = readListing(query);
  const context = new Map<string, readonly string[]>([
    ['s3:prefix', [listing.prefix]],
    ['s3:max-keys', [String(listing.keysMax)]],
    ...(listing.delimiter === '' ? [] : ([['s3:delimiter', [listing.delimiter]]] as const)),
  ]);
  requireBucketAccess(call, bucket, { action: 's3:ListBucket', context });
  const entries = collectEntries(bucket, listing);
  const page = entries.slice(0, listing.keysMax);
  const isTruncated = entries.length > page.length && listing.keysMax > 0;
  const last = page.at(-1);
  const shown = query.get('encoding-type') === 'url' ? encodeStrictly : (text: string) => text;
  const content = [
    element('Name', bucket.name),
    element('Prefix', shown(listing.prefix)),
    listing.delimiter === '' ? '' : element('Delimiter', shown(listing.delimiter)),
    element('MaxKeys', listing.keysMax),
    element('KeyCount', page.length),
    element('IsTruncated', String(isTruncated)),
    query.get('encoding-type') === 'url' ? element('EncodingType', 'url') : '',
    query.has('continuation-token')
      ? element('ContinuationToken', query.get('continuation-token') ?? '')
      : '',
    isTruncated && last ? element('NextContinuationToken', encodeToken(nameOf(last))) : '',
    ...page.map((entry) => describeEntry(entry, bucket, shown)),
  ];
  return s3Document('ListBucketResult', content.join(''), call.requestId);
}

function readListing(query: URLSearchParams): Listing {
  const text = query.get('max-keys') ?? String(S3.listKeysMax);
  if (!/^\d{1,9}$/u.test(text)) {
    throw new AwsError(
      'InvalidArgument',
      'Provided max-keys not an integer or within integer range',
    );
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    after: readAfter(query),
    keysMax: Math.min(Number(text), S3.listKeysMax),
  };
}

function readAfter(query: URLSearchParams): string {
  const token = query.get('continuation-token');
  if (token === null) return query.get('start-after') ?? '';
  try {
    return decodeToken(token);
  } catch {
    throw new AwsError('InvalidArgument', 'The continuation token provided is incorrect');
  }
}

/** One entry more than a page holds, so that the caller sees whether there is another page. */
function collectEntries(bucket: Bucket, listing: Listing): Entry[] {
  const { prefix, delimiter, after, keysMax } = listing;
  const entries: Entry[] = [];
  let folded: string | undefined =
    delimiter !== '' && after.endsWith(delimiter) ? after : undefined;
  for (const key of bucket.sortedKeys()) {
    if (entries.length > keysMax) break;
    if (!key.startsWith(prefix) || compareUtf8(key, after) <= 0) continue;
    if (folded !== undefined && key.startsWith(folded)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      entries.push({ key });
    } else {
      folded = key.slice(0, cut + delimiter.length);
      entries.push({ commonPrefix: folded });
    }
  }
  return entries;
}

function nameOf(entry: Entry): string {
  return 'key' in entry ? entry.key : entry.commonPrefix;
}

function describeEntry(entry: Entry, bucket: Bucket, shown: (text: string) => string): string {
  if ('commonPrefix' in entry) {
    return `<CommonPrefixes>${element('Prefix', shown(entry.commonPrefix))}</CommonPrefixes>`;
  }
  const object = bucket.objects.get(entry.key);
  return object === undefined ? '' : describeObject(object, shown);
}

function describeObject(object: StoredObject, shown: (text: string) => string): string {
  const fields = [
    element('Key', shown(object.key)),
    element('LastModified', new Date(object.modifiedAtMs).toISOString()),
    element('ETag', object.etag),
    object.checksum === undefined
      ? ''
      : element('ChecksumAlgorithm', object.checksum.algorithm.toUpperCase()),
    element('Size', object.contentBytes),
    element('StorageClass', object.storageClass),
  ];
  return `<Contents>${fields.join('')}</Contents>`;
}
