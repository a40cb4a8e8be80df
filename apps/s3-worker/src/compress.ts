import type { Compression } from '@logferry/core';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, createZstdCompress, gzip, zstdCompress } from 'node:zlib';

const gzipAll = promisify(gzip);
const zstdAll = promisify(zstdCompress);

export async function compress(compression: Compression, body: Buffer): Promise<Buffer> {
  if (compression === 'none') return body;
  return compression === 'gzip' ? gzipAll(body) : zstdAll(body);
}

export function compressStream(
  compression: Compression,
  body: AsyncIterable<Buffer>,
): AsyncIterable<Buffer> {
  if (compression === 'none') return body;
  const packer = compression === 'gzip' ? createGzip() : createZstdCompress();
  // What goes wrong at either end ends both; whoever reads the packer is told.
  pipeline(body, packer, () => undefined);
  return packer;
}
