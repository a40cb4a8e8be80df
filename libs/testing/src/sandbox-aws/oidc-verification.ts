// Verifies a web identity token the way STS does: the provider must be registered in the role's account, and its keys come from
// its own discovery document, over HTTP, at the time of the call. The sandbox keeps no keys, so an issuer that is down is noticed.
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { z } from 'zod';
import { AwsError } from './aws-error';
import type { OidcProvider } from './identities';
import { IAM, SANDBOX, STS } from './limits';

/** What a verified token says. `audience` is what AWS compares: `azp` where the token has one, else `aud`. */
export interface WebIdentity {
  readonly issuer: string;
  /** The issuer without its scheme: the prefix of its condition keys and the end of its provider's ARN. A slash at its end stays. */
  readonly issuerPath: string;
  readonly subject: string;
  readonly audience: readonly string[];
  readonly originalAudience: readonly string[];
  readonly claims: JWTPayload;
}

export type ProviderLookup = (issuer: string) => OidcProvider | undefined;

const NO_KEY =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const NO_JWT =
  'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)';

function invalid(message: string): AwsError {
  return new AwsError('InvalidIdentityToken', message);
}

export async function verifyWebIdentity(
  token: string,
  findProvider: ProviderLookup,
  nowMs: number,
): Promise<WebIdentity> {
  const { algorithm, claims } = decodeToken(token);
  const issuer = claims.iss;
  if (issuer === undefined) throw invalid('Missing a required claim: iss');
  const provider = findProvider(issuer.replace(/\/$/u, ''));
  if (provider === undefined) {
    throw invalid(`No OpenIDConnect provider found in your account for ${issuer}`);
  }
  if (!(STS.algorithms as readonly string[]).includes(algorithm)) {
    throw invalid(`The token is signed with ${algorithm}, which is not supported`);
  }
  const identity = readIdentity(issuer, claims);
  const keys = await fetchKeys(provider.url);
  await verifySignature(token, keys);
  requireCurrent(claims, nowMs);
  if (!identity.audience.some((audience) => provider.clientIds.includes(audience))) {
    throw invalid('Incorrect token audience');
  }
  return identity;
}

function decodeToken(token: string): { algorithm: string; claims: JWTPayload } {
  try {
    return { algorithm: String(decodeProtectedHeader(token).alg), claims: decodeJwt(token) };
  } catch {
    throw invalid(NO_JWT);
  }
}

function readIdentity(issuer: string, claims: JWTPayload): WebIdentity {
  if (typeof claims.sub !== 'string' || claims.sub === '') {
    throw invalid('Missing a required claim: sub');
  }
  const originalAudience = [claims.aud ?? []].flat();
  const azp = claims['azp'];
  const audience = typeof azp === 'string' ? [azp] : originalAudience;
  if (originalAudience.length === 0) throw invalid('Missing a required claim: aud');
  for (const name of ['exp', 'iat'] as const) {
    if (claims[name] === undefined) throw invalid(`Missing a required claim: ${name}`);
  }
  for (const name of ['exp', 'iat', 'nbf'] as const) {
    const value = claims[name];
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw invalid(`The ${name} claim must be an integer`);
    }
  }
  return {
    issuer,
    issuerPath: issuer.replace(/^https?:\/\//u, ''),
    subject: claims.sub,
    audience,
    originalAudience,
    claims,
  };
}

function requireCurrent(claims: JWTPayload, nowMs: number): void {
  const nowSeconds = Math.floor(nowMs / 1000);
  const { exp = 0, iat = 0, nbf = 0 } = claims;
  if (exp <= nowSeconds) {
    throw new AwsError(
      'ExpiredTokenException',
      `Token expired: current date/time ${String(nowSeconds)} must be before the expiration date/time ${String(exp)}`,
    );
  }
  if (nowSeconds - iat > STS.tokenAgeSecondsMax) {
    throw new AwsError('ExpiredTokenException', `Token too old: ${String(nowSeconds - iat)}`);
  }
  // Clocks differ; AWS allows some minutes here and does not say how many.
  if (Math.max(iat, nbf) > nowSeconds + 300) {
    throw invalid('The token is not valid yet: its iat or nbf lies in the future');
  }
}

async function verifySignature(token: string, keys: JSONWebKeySet): Promise<void> {
  try {
    // The times are checked apart, with AWS's own words and the sandbox's own clock, so any moment of the token's life will do.
    const { exp = 0 } = decodeJwt(token);
    await jwtVerify(token, createLocalJWKSet(keys), {
      algorithms: [...STS.algorithms],
      currentDate: new Date((exp - 1) * 1000),
      clockTolerance: Number.MAX_SAFE_INTEGER,
    });
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      throw invalid("The token's signature could not be verified");
    }
    throw invalid(NO_KEY);
  }
}

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

async function fetchKeys(providerUrl: string): Promise<JSONWebKeySet> {
  const discovery = Discovery.safeParse(
    await fetchDocument(`${providerUrl}/.well-known/openid-configuration`),
  );
  if (!discovery.success) throw invalid(NO_KEY);
  if (discovery.data.issuer.replace(/\/$/u, '') !== providerUrl) {
    throw invalid('The issuer in the discovery document is not the registered provider');
  }
  const keySet = KeySet.safeParse(await fetchDocument(discovery.data.jwks_uri));
  if (!keySet.success) throw invalid(NO_KEY);
  const count = (kty: string): number => keySet.data.keys.filter((key) => key.kty === kty).length;
  if (count('RSA') > IAM.rsaKeysMax || count('EC') > IAM.ecKeysMax) throw invalid(NO_KEY);
  return keySet.data;
}

/** No redirects and a bound on size and time: the document's address comes from the token's issuer. */
async function fetchDocument(url: string): Promise<unknown> {
  const text = await fetchText(url);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(NO_KEY);
  }
}

async function fetchText(url: string): Promise<string> {
  try {
    if (!/^https?:$/u.test(new URL(url).protocol)) throw new TypeError(`${url} is not HTTP`);
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(SANDBOX.oidcFetchTimeoutMs),
      headers: { accept: 'application/json' },
    });
    if (!response.ok) throw new TypeError(`${url} answered ${String(response.status)}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > SANDBOX.oidcDocumentBytesMax) throw new TypeError(`${url} is too large`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    throw new AwsError(
      'IDPCommunicationError',
      'The identity provider could not be reached to verify the token. Retry the request a limited number of times.',
    );
  }
}
