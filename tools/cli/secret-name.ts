import { createHash } from 'node:crypto';

/** What a name can say sign by sign. */
const PLAIN = /^[a-z0-9]+(?:[-/][a-z0-9]+)*$/;

/**
 * The variable of the environment that a secret is exported as: of other ids never the same, and the same whatever else there is.
 *
 * Such a name has no other sign than `_`. One is a dash, two stand between ids, three are a slash; an id with anything else in it has a
 * digest behind four.
 *
 * @param what which secret it is, of what has these ids
 */
export function secretName(ids: readonly string[], what: string): string {
  const name = [...ids.map((id) => (PLAIN.test(id) ? plain(id) : digested(id))), what].join('__');
  // No shell sets a variable whose name begins with a digit.
  return /^\d/.test(name) ? `_${name}` : name;
}

function plain(id: string): string {
  return id.toUpperCase().replaceAll('-', '_').replaceAll('/', '___');
}

function digested(id: string): string {
  const readable = id.replace(/[\W_]+/g, '_').replace(/^_|_$/g, '');
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 8);
  return `${readable}____${digest}`.toUpperCase();
}
