import { batchKey } from './keys';
import type { RedisClient } from './redis-connection';

/** A multipart upload that was begun for a batch. */
export interface BatchUpload {
  bucket: string;
  key: string;
  uploadId: string;
}

// Fields of the batch's own hash, so that they end with it.
const FIELD = 'upload:';

/** ARGV: field, value. Returns 0 for a batch that is settled, which stays gone. */
const rememberScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
`;

interface Scripts {
  lfRememberUpload(batch: string, field: string, value: string): Promise<number>;
}

/** Which multipart uploads were begun for a batch, so that what a killed worker leaves behind is aborted by the next. */
export class BatchUploads {
  private readonly scripts: Scripts;

  constructor(
    private readonly redis: RedisClient,
    private readonly shard: number,
  ) {
    redis.defineCommand('lfRememberUpload', { numberOfKeys: 1, lua: rememberScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** @returns false if the batch is settled */
  async remember(batchId: string, upload: BatchUpload): Promise<boolean> {
    const field = FIELD + upload.uploadId;
    const value = JSON.stringify(upload);
    return (await this.scripts.lfRememberUpload(batchKey(this.shard, batchId), field, value)) === 1;
  }

  async forget(batchId: string, { uploadId }: BatchUpload): Promise<void> {
    await this.redis.hdel(batchKey(this.shard, batchId), FIELD + uploadId);
  }

  async list(batchId: string): Promise<BatchUpload[]> {
    const fields = await this.redis.hgetall(batchKey(this.shard, batchId));
    return Object.entries(fields)
      .filter(([field]) => field.startsWith(FIELD))
      .map(([, value]) => JSON.parse(value) as BatchUpload);
  }
}
