import { auth0LogTypes } from './auth0-log-types';
import type { Source } from './source';

/** What stands in lists of Auth0's forms for nothing at all. */
export const AUTH0_BLANK = '-';

/**
 * Which log events of Auth0 a source sends, by their codes: what its level lets through and, beside that, the types that it names, as
 * Auth0's extension has it. Two things are other than there, since they lost log events without a word:
 *
 * - a code that is in no table passes every level, for nobody knows how bad it is
 * - a list of types with nothing in it but the blank of the form is no list
 */
export function auth0Filter({
  logLevel,
  logTypes,
}: Pick<Source, 'logLevel' | 'logTypes'>): (code: string) => boolean {
  const named = new Set(logTypes.filter((code) => code !== AUTH0_BLANK));
  if (logLevel === undefined) return named.size === 0 ? () => true : (code) => named.has(code);
  return (code) => {
    const level = auth0LogTypes.get(code)?.level;
    return level === undefined || level >= logLevel || named.has(code);
  };
}
