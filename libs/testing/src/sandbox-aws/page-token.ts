import { AwsError } from './aws-error';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextToken: string | undefined;
}

/** One page of a list that is sorted by name. The token holds the last name of the page before, so the list may change between pages. */
export function readPage<Item extends { readonly name: string }>(
  sorted: readonly Item[],
  pageSize: number,
  token: string | undefined,
): Page<Item> {
  const start = token === undefined ? 0 : indexAfter(sorted, decodeToken(token));
  const items = sorted.slice(start, start + pageSize);
  const last = items.at(-1);
  const hasMore = start + pageSize < sorted.length;
  return { items, nextToken: hasMore && last ? encodeToken(last.name) : undefined };
}

function indexAfter(sorted: readonly { readonly name: string }[], name: string): number {
  const at = sorted.findIndex((item) => item.name === name);
  if (at >= 0) return at + 1;
  const next = sorted.findIndex((item) => item.name > name);
  return next < 0 ? sorted.length : next;
}

export function encodeToken(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}

export function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (encodeToken(text) !== token) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  return text;
}
