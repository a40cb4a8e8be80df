import { Failure } from '@logferry/core';
import { z } from 'zod';
import { auth0Address, type Auth0Reach } from './auth0-address';
import { boundedCall, retryAfterMs } from './bounded-call';

const ANSWER_BYTES_MAX = 64 * 1024;

const TokenAnswer = z.object({
  access_token: z.string().min(1).max(16_384),
  expires_in: z.number().positive(),
});

interface ClientCredentials {
  domain: string;
  clientId: string;
  clientSecret: string;
}

/** A token of the Management API. */
export interface ClientToken {
  accessToken: string;
  expiresInMs: number;
}

/**
 * Gets a token by client credentials. https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens
 *
 * @throws Failure `source.*`
 */
export async function fetchClientToken(
  reach: Auth0Reach,
  { domain, clientId, clientSecret }: ClientCredentials,
  timeoutMs: number,
): Promise<ClientToken> {
  const { status, headers, text } = await boundedCall(auth0Address(reach, domain, '/oauth/token'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      audience: `https://${domain}/api/v2/`,
    }),
    timeoutMs,
    bytesMax: ANSWER_BYTES_MAX,
  });
  if (status !== 200) throw tokenRefusal(status, headers);
  const answer = TokenAnswer.safeParse(parsed(text));
  if (!answer.success) throw new Failure('source.garbled', { detail: 'no token in the answer' });
  const { access_token: accessToken, expires_in: seconds } = answer.data;
  return { accessToken, expiresInMs: seconds * 1_000 };
}

/** Never with what Auth0 said in its own words: it may quote what we sent. */
function tokenRefusal(status: number, headers: Headers): Failure {
  const detail = `the token endpoint answers HTTP ${status}`;
  if (status === 401) return new Failure('source.client_refused', { detail });
  // The client is one of theirs, and has no grant for the Management API.
  if (status === 403) return new Failure('source.scope_missing', { detail });
  if (status === 429) {
    const waitMs = retryAfterMs(headers, Date.now());
    return new Failure('source.throttled', {
      detail,
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    });
  }
  if (status === 400 || status === 404) return new Failure('source.client_refused', { detail });
  return new Failure('source.unavailable', { detail });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
