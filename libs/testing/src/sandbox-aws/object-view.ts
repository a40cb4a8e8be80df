// Ways to look at an object's content: as text on the page, and as a download.
import { gunzipSync } from 'node:zlib';
import type { Answer } from './answer';
import type { StoredObject } from './bucket-store';

const SHOWN_BYTES_MAX = 256 * 1024;

export interface TextView {
  readonly text: string;
  readonly isCut: boolean;
  readonly wasCompressed: boolean;
}

/** The beginning of the content as text, unpacked where it is gzip; undefined where it is no text or is not kept. */
export function viewAsText({ content }: StoredObject): TextView | undefined {
  if (content === undefined) return undefined;
  const wasCompressed = content[0] === 0x1f && content[1] === 0x8b;
  const bytes = wasCompressed ? unpack(content) : content;
  if (bytes === undefined || bytes.subarray(0, SHOWN_BYTES_MAX).includes(0)) return undefined;
  return {
    text: bytes.toString('utf8', 0, SHOWN_BYTES_MAX),
    isCut: bytes.length > SHOWN_BYTES_MAX,
    wasCompressed,
  };
}

/** The bound is there for archives that unpack to far more than they are. */
function unpack(content: Buffer): Buffer | undefined {
  try {
    return gunzipSync(content, { maxOutputLength: 64 * 1024 ** 2 });
  } catch {
    return undefined;
  }
}

/** Never shown by the browser itself: an object may be a hostile page. */
export function objectDownload(object: StoredObject | undefined): Answer {
  if (object?.content === undefined) {
    return {
      httpStatus: 404,
      headers: { 'content-type': 'text/plain' },
      body: 'There is no such object, or its content is no longer kept.',
    };
  }
  return {
    httpStatus: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="object"',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    },
    body: object.content,
  };
}
