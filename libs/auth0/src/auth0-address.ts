import { Failure, isAllowedAuth0Domain } from '@logferry/core';

/** Where Auth0 may be asked. */
export interface Auth0Reach {
  /** Endings with a dot in front, or whole domains, separated by commas. */
  domains: string;
  /** A stand-in that is asked instead of every domain. */
  endpointUrl?: string | undefined;
}

/**
 * The address of something at an Auth0 tenant. It is looked at here once more: the domain was allowed when it was stored, and what is
 * allowed may have changed.
 *
 * @throws Failure `source.domain_not_allowed`
 */
export function auth0Address(reach: Auth0Reach, domain: string, path: string): URL {
  if (!isAllowedAuth0Domain(domain, reach.domains))
    throw new Failure('source.domain_not_allowed', { detail: domain });
  return new URL(path, reach.endpointUrl ?? `https://${domain}`);
}
