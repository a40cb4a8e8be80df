import { referenceText, resolveSecret, type SecretReference } from './secret-reference';

interface SecretThere {
  /** Whether the secret of this very key is stored. */
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
 * still, though nobody can read it to compare.
 */
export function secretToWrite(
  reference: SecretReference | undefined,
  { isThere, isNeeded, isResent, folder }: SecretThere,
): { secret: string; shown: string } | { problem: string } | undefined {
  if (isThere && !isResent) return undefined;
  if (reference === undefined) return isNeeded && !isThere ? { problem: MISSING } : undefined;
  const resolved = resolveSecret(reference, folder);
  return 'secret' in resolved ? { ...resolved, shown: referenceText(reference) } : resolved;
}

const MISSING = 'is missing: no secret of this key is stored; say ${ENV:NAME} or ${FILE:path}';
