import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { ReadyBody } from './ready-body';

const compress = promisify(gzip);

/**
 * A body as gzip, or as it is where that is no smaller. At the quickest level, which for log lines takes half the CPU of zlib's own
 * and leaves little more to send.
 */
export async function gzipIfSmaller(content: Buffer): Promise<ReadyBody> {
  const packed = await compress(content, { level: constants.Z_BEST_SPEED });
  return packed.length < content.length ? { content: packed, encoding: 'gzip' } : { content };
}
