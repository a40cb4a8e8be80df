import { referenceText, resolveSecret, type SecretReference } from './secret-reference';

interface SecretThere {
  /** What it is a secret of. */
  of: 'key' | 'client' | 'channel';
  /** Whether the secret of this very one is stored. */
  isThere: boolean;
  /** Whether what is written does not do without one. */
  isNeeded: boolean;
  /** Whether it is written all the same. */
  isResent: boolean;
  /** Where the file lies that names it. */
  folder: string;
}

/**
 * The secret, if it has to be written. AWS never changes the secret of a key: one that was written with the same key's id is the same
 * still, though nobody can read it to compare. Of others, that is not so sure: whoever has changed one says that it is to be resent.
 */
export function secretToWrite(
  reference: SecretReference | undefined,
  { of, isThere, isNeeded, isResent, folder }: SecretThere,
): { secret: string; shown: string } | { problem: string } | undefined {
  if (isThere && !isResent) return undefined;
  if (reference === undefined) return isNeeded && !isThere ? { problem: missing(of) } : undefined;
  const resolved = resolveSecret(reference, folder);
  return 'secret' in resolved ? { ...resolved, shown: referenceText(reference) } : resolved;
}

function missing(of: SecretThere['of']): string {
  return `is missing: no secret of this ${of} is stored; say \${ENV:NAME} or \${FILE:path}`;
}
