// All buckets. A bucket's name is global and it has one owner and one Region.
import { AwsError } from './aws-error';
import type { ChecksumAlgorithm, ObjectChecksum } from './checksums';
import { SANDBOX } from './limits';
import type { Held, MemoryBudget } from './memory-budget';

export interface StoredObject {
  readonly key: string;
  /** Undefined once the sandbox has let go of the content to stay within its memory. */
  readonly content: Buffer | undefined;
  readonly contentBytes: number;
  readonly etag: string;
  readonly checksum: ObjectChecksum | undefined;
  /** Content-Type, Content-Encoding and the like, as they were sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names without the x-amz-meta- in front. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly encryption: {
    readonly algorithm: string;
    readonly kmsKeyId: string | undefined;
    readonly bucketKeyEnabled?: boolean;
  };
  readonly modifiedAtMs: number;
}

/** A multipart upload that was neither completed nor aborted. */
export interface StoredUpload extends Pick<
  StoredObject,
  'key' | 'headers' | 'metadata' | 'storageClass' | 'encryption'
> {
  readonly uploadId: string;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
  readonly parts: Map<number, StoredPart>;
}

export interface StoredPart {
  readonly content: Buffer;
  readonly etag: string;
  readonly checksum: ObjectChecksum | undefined;
}

export interface NewBucket {
  readonly name: string;
  readonly region: string;
  readonly account: string;
}

export class Bucket {
  readonly name: string;
  readonly region: string;
  readonly account: string;
  readonly createdAtMs: number;
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, StoredUpload>();
  droppedObjects = 0;
  private readonly budget: MemoryBudget;
  private readonly held = new Map<string, Held>();
  private sorted: readonly string[] | undefined;

  constructor({ name, region, account }: NewBucket, createdAtMs: number, budget: MemoryBudget) {
    this.name = name;
    this.region = region;
    this.account = account;
    this.createdAtMs = createdAtMs;
    this.budget = budget;
  }

  /** Keys in S3's order: by the bytes of their UTF-8. */
  sortedKeys(): readonly string[] {
    this.sorted ??= [...this.objects.keys()].sort(compareUtf8);
    return this.sorted;
  }

  put(object: StoredObject): void {
    this.remove(object.key);
    const bytes = object.contentBytes + SANDBOX.keptObjectOverheadBytes;
    const drop = (): void => {
      this.held.delete(object.key);
      this.objects.set(object.key, { ...object, content: undefined });
      this.droppedObjects += 1;
    };
    const item: Held = { bytes, drop };
    this.objects.set(object.key, object);
    this.held.set(object.key, item);
    this.sorted = undefined;
    this.budget.hold(item);
  }

  remove(key: string): void {
    const item = this.held.get(key);
    if (item !== undefined) this.budget.release(item);
    this.held.delete(key);
    if (this.objects.delete(key)) this.sorted = undefined;
  }

  release(): void {
    for (const key of [...this.objects.keys()]) this.remove(key);
    this.uploads.clear();
  }
}

export class BucketStore {
  private readonly buckets = new Map<string, Bucket>();

  constructor(private readonly budget: MemoryBudget) {}

  bucket(name: string): Bucket | undefined {
    return this.buckets.get(name);
  }

  all(): readonly Bucket[] {
    return [...this.buckets.values()];
  }

  create(wanted: NewBucket, nowMs: number): Bucket {
    if (this.buckets.size >= SANDBOX.bucketsMax) {
      throw new AwsError(
        'TooManyBuckets',
        'You have attempted to create more buckets than allowed.',
      );
    }
    const bucket = new Bucket(wanted, nowMs, this.budget);
    this.buckets.set(wanted.name, bucket);
    return bucket;
  }

  delete(name: string): boolean {
    this.buckets.get(name)?.release();
    return this.buckets.delete(name);
  }

  objectCount(): number {
    return this.all().reduce((count, bucket) => count + bucket.objects.size, 0);
  }

  /** What the parts of unfinished uploads take. */
  partBytes(): number {
    let bytes = 0;
    for (const { uploads } of this.buckets.values()) {
      for (const { parts } of uploads.values()) {
        for (const { content } of parts.values()) bytes += content.length;
      }
    }
    return bytes;
  }

  reset(): void {
    for (const name of [...this.buckets.keys()]) this.delete(name);
  }
}

/** UTF-16 sorts surrogates below U+E000, UTF-8 above: only there do the two orders differ. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = utf8Rank(a.charCodeAt(index)) - utf8Rank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function utf8Rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
