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

export function etag(version: number): string {
  return `"${version}"`;
}
