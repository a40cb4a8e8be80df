/** Where Auth0's own domains end; whoever runs a private cloud of theirs names another. */
export const AUTH0_DOMAINS_STANDARD = '.auth0.com';

/**
 * Whether we may ask at a domain that a tenant has entered. What is asked there is asked from within the platform's network, so nobody may
 * send us just anywhere.
 *
 * @param allowed suffixes with a dot in front, or whole domains, separated by commas
 */
export function isAllowedAuth0Domain(domain: string, allowed: string): boolean {
  const name = domain.toLowerCase();
  return allowed
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) =>
      entry.startsWith('.') ? name.endsWith(entry) && name.length > entry.length : name === entry,
    );
}
