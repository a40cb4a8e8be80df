// Where an S3 request points: path style (`/bucket/key`) or virtual-host style (`bucket.host/key`), and the Region its host names.
import { AwsError } from './aws-error';
import type { WireRequest } from './wire-request';

export interface S3Address {
  readonly bucket: string | undefined;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly isVirtualHost: boolean;
  /** The Region the host names, e.g. `s3.eu-west-1.…`; most local hosts name none. */
  readonly hostRegion: string | undefined;
}

const AWS_STYLE_HOST = /^(?:(.+)\.)?s3(?:[.-]([a-z]{2,4}(?:-[a-z]+)+-\d{1,2}))?\..+$/u;

export function readS3Address(request: WireRequest, hostnames: readonly string[]): S3Address {
  const host = (request.headers.get('host') ?? '').toLowerCase().replace(/:\d+$/u, '');
  const [, virtualBucket, hostRegion] = AWS_STYLE_HOST.exec(host) ?? [];
  const ownHost = hostnames.find((name) => host.endsWith(`.${name}`));
  const hostBucket =
    virtualBucket ??
    (ownHost && !AWS_STYLE_HOST.test(host) ? host.slice(0, -ownHost.length - 1) : undefined);
  const path = request.rawPath.slice(1);
  if (hostBucket !== undefined) {
    return { bucket: hostBucket, key: decodeKey(path), isVirtualHost: true, hostRegion };
  }
  const slash = path.indexOf('/');
  const bucket = decodeKey(slash < 0 ? path : path.slice(0, slash));
  return {
    bucket: bucket === '' ? undefined : bucket,
    key: slash < 0 ? '' : decodeKey(path.slice(slash + 1)),
    isVirtualHost: false,
    hostRegion,
  };
}

function decodeKey(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  }
}
