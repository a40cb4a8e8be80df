// The issuer's documents as AWS has to find them, at the broker and at the address that its tokens name.
import { why } from './console-client';
import type { Finding } from './finding';

const TIMEOUT_MS = 5_000;
const DISCOVERY = '/.well-known/openid-configuration';

interface Discovery {
  issuer: string;
  jwks_uri: string;
}

export async function* examineIssuer(brokerUrl: string): AsyncGenerator<Finding> {
  const about = `OIDC documents at ${brokerUrl}`;
  const own = await discoveryAt(brokerUrl);
  if (typeof own === 'string') {
    const remedy = "See whether this is the broker's HTTP address, and what its log says.";
    yield { about, state: 'wrong', message: own, remedy };
    return;
  }
  yield { about, state: 'good', message: `the issuer is ${own.issuer}` };
  const url = URL.parse(own.issuer);
  if (url?.protocol !== 'https:')
    yield {
      about: own.issuer,
      state: 'warning',
      message: 'is no https address: AWS takes no such issuer, and only a sandbox does',
      remedy: 'Set LOGFERRY_BROKER_ISSUER_URL to an https address that the internet can reach.',
    };
  yield* examinePublic(own);
}

async function* examinePublic({ issuer, jwks_uri }: Discovery): AsyncGenerator<Finding> {
  const remedy = `Let whatever terminates TLS pass ${DISCOVERY} and /.well-known/jwks.json on to the broker (SECURITY.md).`;
  const found = await discoveryAt(issuer);
  if (typeof found === 'string') {
    yield { about: issuer, state: 'wrong', message: found, remedy };
    return;
  }
  if (found.issuer !== issuer || found.jwks_uri !== jwks_uri) {
    const message = `says that the issuer is ${found.issuer}, with keys at ${found.jwks_uri}; the broker says otherwise`;
    yield { about: issuer, state: 'wrong', message, remedy };
    return;
  }
  const keys = await jsonAt(jwks_uri);
  const count =
    typeof keys === 'object' && Array.isArray((keys as { keys?: unknown }).keys)
      ? (keys as { keys: { kid?: unknown }[] }).keys.filter(({ kid }) => typeof kid === 'string')
          .length
      : 0;
  if (count === 0) {
    const message = typeof keys === 'string' ? keys : 'holds no keys';
    yield { about: jwks_uri, state: 'wrong', message, remedy };
  } else
    yield { about: jwks_uri, state: 'good', message: `${count} ${count === 1 ? 'key' : 'keys'}` };
}

async function discoveryAt(base: string): Promise<Discovery | string> {
  const found = await jsonAt(`${base.replace(/\/$/, '')}${DISCOVERY}`);
  if (typeof found === 'string') return found;
  const { issuer, jwks_uri } = found as Partial<Discovery>;
  if (typeof issuer === 'string' && typeof jwks_uri === 'string') return { issuer, jwks_uri };
  return `${DISCOVERY} names no issuer, or no keys`;
}

/** The document, or why there is none. */
async function jsonAt(url: string): Promise<object | string> {
  try {
    const answer = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!answer.ok) return `answers ${answer.status}`;
    const body: unknown = await answer.json();
    return typeof body === 'object' && body !== null ? body : 'is no document';
  } catch (error) {
    return `cannot be read: ${why(error)}`;
  }
}
