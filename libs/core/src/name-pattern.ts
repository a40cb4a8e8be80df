// What all names have in common that a destination can come up with: what a policy must allow, and no more.
import type { CloudWatchDestination, S3Destination } from './destination';
import { logGroupText, logTypeText } from './lane';
import { logGroupName } from './naming';
import { keyPrefix } from './object-key';

/** Types are what a filter lists; without one, a name may be of any. */
type Types = readonly string[] | undefined;

const HOLE = /\{([^{}]*)\}/;
const RESERVED = 'aws/';

/**
 * The names that a destination's log groups may have, with a star for what varies. No name holds a star itself.
 *
 * @param types the types to tell apart; left out, the type varies
 */
export function logGroupPatterns(
  tenantId: string,
  destination: CloudWatchDestination,
  types: Types,
): string[] {
  const patterns = (types ?? [undefined]).flatMap((type) => {
    const { prefix, text } = logGroupText(destination, type ?? '{type}');
    const parts = text.split(HOLE).map((part, i) => {
      if (i % 2 === 0) return bend(part);
      if (part === 'tenant') return bend(tenantId);
      return part === 'type' && type !== undefined ? bend(type) : '*';
    });
    return unreserved(bend(prefix) + parts.join(''));
  });
  return [...new Set(patterns)];
}

function bend(text: string): string {
  return text === '' ? '' : logGroupName(`-${text}`).slice(1);
}

/** As `logGroupName` does it: a name that could turn out to begin as AWS's own do begins with an underscore then. */
function unreserved(pattern: string): string[] {
  const start = pattern.split('*')[0]?.toLowerCase() ?? '';
  if (start.startsWith(RESERVED)) return [`_${pattern}`];
  if (start === '' || start === pattern.toLowerCase()) return [pattern];
  return RESERVED.startsWith(start) ? [pattern, `_${pattern}`] : [pattern];
}

/** What the keys of a destination's objects may begin with. */
export function keyPrefixes(tenantId: string, destination: S3Destination, types: Types): string[] {
  const prefixes = (types ?? [undefined]).map((type) =>
    keyPrefix(destination.s3, {
      tenant: tenantId,
      destination: destination.id,
      ...(type === undefined ? {} : { type }),
      logType: logTypeText(destination, type ?? '{type}'),
    }),
  );
  return [...new Set(prefixes)];
}
