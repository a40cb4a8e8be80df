import { partitionOf } from '@logferry/core';

/** Where buckets really lie, as S3 says when it is asked in a wrong Region. */
export class BucketRegions {
  private readonly regions = new Map<string, string>();

  constructor(private readonly most: number) {}

  /** The Region to ask in: the one that the destination names, unless S3 has named another. */
  of(place: BucketPlace): string {
    return this.regions.get(keyOf(place)) ?? place.region;
  }

  /**
   * Learns from a refusal.
   *
   * @param asked where the call went that was refused
   * @returns whether the call is worth repeating: S3 has named another Region, in which the same session counts
   */
  learn(place: BucketPlace, asked: string, thrown: unknown): boolean {
    const region = regionOfRedirect(thrown);
    if (region === undefined || region === asked) return false;
    if (partitionOf(region) !== partitionOf(place.region)) return false;
    const key = keyOf(place);
    this.regions.delete(key);
    if (this.regions.size >= this.most) this.regions.clear();
    this.regions.set(key, region);
    return true;
  }
}

interface BucketPlace {
  destinationKey: string;
  /** As the destination names it. */
  region: string;
  bucket: string;
}

function keyOf({ destinationKey, region, bucket }: BucketPlace): string {
  return `${destinationKey} ${region} ${bucket}`;
}

const REDIRECTS = [
  'PermanentRedirect',
  'TemporaryRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
];

/** The Region that S3 sends a call to, if it does. Other refusals name the bucket's Region too, and mean something else. */
function regionOfRedirect(thrown: unknown): string | undefined {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    name?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const status = error.$metadata?.httpStatusCode;
  if (status !== 301 && status !== 307 && !REDIRECTS.includes(error.name ?? '')) return undefined;
  return bucketRegionOf(thrown);
}

/** The Region of a bucket, as S3 names it beside a refusal of any kind. */
export function bucketRegionOf(thrown: unknown): string | undefined {
  const { $response } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    $response?: { headers?: Record<string, string> };
  };
  return $response?.headers?.['x-amz-bucket-region'];
}
