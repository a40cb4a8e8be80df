import { sessionTags, subjectOf, TOKEN_AUDIENCE, type SessionTagging } from '@logferry/core';
import { SignJWT, type JWK } from 'jose';
import { randomUUID } from 'node:crypto';
import { signingAlgorithms } from './signing-key-file';
import type { SigningKeys } from './signing-keys';

/** Long enough for STS to read it, too short to be worth stealing. */
const TOKEN_SECONDS = 300;

/** Where AWS looks for session tags. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html */
const TAGS_CLAIM = 'https://aws.amazon.com/tags';

/** Our OIDC issuer: what it says of itself, and the tokens it signs. https://openid.net/specs/openid-connect-discovery-1_0.html */
export class Issuer {
  constructor(
    readonly url: string,
    private readonly keys: Pick<SigningKeys, 'current' | 'published'>,
    private readonly tagging: SessionTagging = 'off',
  ) {}

  discovery(): Record<string, unknown> {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: signingAlgorithms,
      claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'jti'],
    };
  }

  jwks(): { keys: JWK[] } {
    return { keys: this.keys.published() };
  }

  /** A token that says to AWS which tenant the session is for. */
  async tokenFor(tenantId: string, nowMs: number): Promise<string> {
    const nowSeconds = Math.floor(nowMs / 1_000);
    const { algorithm, kid, privateKey } = this.keys.current();
    return new SignJWT(this.tagsClaim(tenantId))
      .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
      .setIssuer(this.url)
      .setSubject(subjectOf(tenantId))
      .setAudience(TOKEN_AUDIENCE)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + TOKEN_SECONDS)
      .setJti(randomUUID())
      .sign(privateKey);
  }

  private tagsClaim(tenantId: string): Record<string, unknown> {
    const tags = sessionTags(tenantId, this.tagging);
    if (tags === undefined) return {};
    const principalTags = Object.entries(tags.values).map(([key, value]) => [key, [value]]);
    return {
      [TAGS_CLAIM]: {
        principal_tags: Object.fromEntries(principalTags) as Record<string, string[]>,
        ...(tags.areTransitive ? { transitive_tag_keys: Object.keys(tags.values) } : {}),
      },
    };
  }
}

/**
 * What is wrong with an issuer's URL, by the rules of IAM's OIDC identity providers, if anything is.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
 */
export function issuerProblem(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return 'is not a URL';
  // A name without a dot is one of a private network, as in a compose file; no AWS will ever reach it.
  const isPrivate =
    parsed.hostname === '127.0.0.1' || parsed.hostname === '[::1]' || !/[.:]/.test(parsed.hostname);
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && isPrivate)) {
    return 'must begin with https:// (http:// is for trying things out on this machine or in a private network)';
  }
  // It becomes part of the provider's ARN, where a colon separates.
  if (parsed.port !== '' && !isPrivate) return 'must have no port';
  if (/[?#]/.test(url) || parsed.username !== '' || parsed.password !== '')
    return 'must have no query, fragment or user';
  if (url.endsWith('/')) return 'must not end with a slash';
  // AWS compares it letter by letter with what a tenant has typed into IAM.
  const plain = parsed.href.replace(/\/$/, '');
  if (url !== plain) return `must be written as ${plain}`;
  if (url.length > ISSUER_CHARS_MAX)
    return `must not be longer than ${ISSUER_CHARS_MAX} characters`;
  return undefined;
}

const ISSUER_CHARS_MAX = 255;

/** The same of somebody else's issuer: that its name ends with a slash, as env0's does, is for them to choose. */
export function externalIssuerProblem(url: string): string | undefined {
  const problem = issuerProblem(url.replace(/\/$/, ''));
  if (problem !== undefined || url.length <= ISSUER_CHARS_MAX) return problem;
  return `must not be longer than ${ISSUER_CHARS_MAX} characters`;
}
