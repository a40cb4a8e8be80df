import type { Expected } from '@logferry/store';

export interface PreconditionHeaders {
  'if-match'?: string | undefined;
  'if-none-match'?: string | string[] | undefined;
}

/** Never the version of anything. */
const NO_VERSION = -1;

/**
 * What a request wants a record to be before it changes it: `If-Match` with the ETag that was read or `*` for anything, or
 * `If-None-Match: *` for nothing. A body that says its `version` means the same, so that what was read can be changed and sent back.
 */
export function expectedOf(
  { 'if-match': match, 'if-none-match': noneMatch }: PreconditionHeaders,
  version?: number,
): Expected | undefined {
  if (String(noneMatch ?? '').trim() === '*') return 'absent';
  if (match === undefined) return version;
  if (match.trim() === '*') return 'present';
  // What is no ETag of ours matches nothing, as HTTP has it; so does a weak one.
  const [, shown] = /^"(\d{1,15})"$/.exec(match.trim()) ?? [];
  return shown === undefined ? NO_VERSION : Number(shown);
}

/**
 * The same for a record that is made from what was read of it, and so must still be that when it is written.
 *
 * @param read the version that was read; nothing if there was none
 */
export function expectedOfRead(expected: Expected | undefined, read: number | undefined): Expected {
  return mayReadAgain(expected) ? (read ?? expected ?? 'absent') : expected;
}

/** Whether a request leaves it open which version it changes: then it may be made from a newer one. */
export function mayReadAgain(expected: Expected | undefined): expected is 'present' | undefined {
  return expected === undefined || expected === 'present';
}

export function etag(version: number): string {
  return `"${version}"`;
}
