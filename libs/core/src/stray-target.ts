import type { Destination } from './destination';
import type { Target } from './lane';
import { keyPrefixes, logGroupPatterns } from './name-pattern';

/**
 * What a batch is written to, if the destination could not come up with it any more: it was changed while the batch waited, and a
 * session that is narrowed to its present names would be refused.
 *
 * @returns the log group's name, or the beginning of the key; undefined for what the present names cover
 */
export function strayTarget(
  tenantId: string,
  destination: Destination,
  target: Target,
): string | undefined {
  if (destination.type === 'cloudwatch' && target.sink === 'cloudwatch') {
    const patterns = logGroupPatterns(tenantId, destination, undefined);
    const isCovered = patterns.some((pattern) => matches(pattern, target.logGroup));
    return isCovered ? undefined : target.logGroup;
  }
  if (destination.type === 's3' && target.sink === 's3') {
    const prefixes = keyPrefixes(tenantId, destination, undefined);
    const isCovered = prefixes.some((prefix) => target.key.startsWith(prefix));
    return isCovered ? undefined : (target.key.split('{')[0] ?? '');
  }
  return undefined;
}

/** Whether a name is one of a pattern's, whose stars stand for anything: its parts must be found one after the other. */
function matches(pattern: string, name: string): boolean {
  const [beginning = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return name === beginning;
  if (!name.startsWith(beginning)) return false;
  let at = beginning.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - end.length >= at && name.endsWith(end);
}
