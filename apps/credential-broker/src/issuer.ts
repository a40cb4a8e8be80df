import { subjectOf, TOKEN_AUDIENCE } from '@logferry/core';
import { SignJWT, type JWK } from 'jose';
import { randomUUID } from 'node:crypto';
import { SIGNING_ALGORITHM, type SigningKey } from './signing-key';

/** Long enough for STS to read it, too short to be worth stealing. */
const TOKEN_SECONDS = 300;

/** Our OIDC issuer: what it says of itself, and the tokens it signs. https://openid.net/specs/openid-connect-discovery-1_0.html */
export class Issuer {
  constructor(
    readonly url: string,
    private readonly key: SigningKey,
  ) {}

  discovery(): Record<string, unknown> {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
      claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'jti'],
    };
  }

  jwks(): { keys: JWK[] } {
    return { keys: [this.key.publicJwk] };
  }

  /** A token that says to AWS which tenant the session is for. */
  async tokenFor(tenantId: string, nowMs: number): Promise<string> {
    const nowSeconds = Math.floor(nowMs / 1_000);
    return new SignJWT()
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: this.key.kid, typ: 'JWT' })
      .setIssuer(this.url)
      .setSubject(subjectOf(tenantId))
      .setAudience(TOKEN_AUDIENCE)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + TOKEN_SECONDS)
      .setJti(randomUUID())
      .sign(this.key.privateKey);
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
  if (url.length > 255) return 'must not be longer than 255 characters';
  return undefined;
}
