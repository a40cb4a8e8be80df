import { decodeJwt, jwtVerify, SignJWT, errors } from 'jose';
import { ApiError } from './api-error';
import { READ_LOGS, scopesOf, type Auth0Client } from './auth0-client';
import type { Auth0Tenant } from './auth0-tenant';

/** What `/oauth/token` gives: form and claims are Auth0's, the key is the tenant's own. */
export async function issueToken(
  tenant: Auth0Tenant,
  client: Auth0Client,
  nowMs: number,
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1_000);
  return new SignJWT({
    scope: scopesOf(client).join(' '),
    gty: 'client-credentials',
    azp: client.clientId,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(`https://${tenant.domain}/`)
    .setSubject(`${client.clientId}@clients`)
    .setAudience(tenant.audience)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + tenant.tokenLifeSeconds)
    .sign(tenant.tokenKey);
}

/** The tenant that a token claims to be for. */
export function tenantOfToken(
  authorization: string | undefined,
  tenants: ReadonlyMap<string, Auth0Tenant>,
): Auth0Tenant | undefined {
  try {
    const audience = String(decodeJwt(bearer(authorization) ?? '').aud);
    return [...tenants.values()].find((tenant) => tenant.audience === audience);
  } catch {
    return undefined;
  }
}

/** Throws as the Management API refuses. */
export async function authenticate(
  authorization: string | undefined,
  tenant: Auth0Tenant | undefined,
  nowMs: number,
): Promise<Auth0Tenant> {
  const token = bearer(authorization);
  if (token === undefined) throw new ApiError(401, 'Missing authentication');
  if (tenant === undefined) throw new ApiError(401, 'Invalid token');
  const { payload } = await jwtVerify(token, tenant.tokenKey, {
    audience: tenant.audience,
    issuer: `https://${tenant.domain}/`,
    currentDate: new Date(nowMs),
  }).catch((error: unknown) => {
    throw new ApiError(
      401,
      error instanceof errors.JWTExpired
        ? 'Expired token received for JSON Web Token validation'
        : 'Invalid token',
    );
  });
  const scopes = String(payload['scope']).split(' ');
  if (!scopes.includes(READ_LOGS)) {
    throw new ApiError(
      403,
      `Insufficient scope, expected any of: ${READ_LOGS},read:logs_users`,
      'insufficient_scope',
    );
  }
  return tenant;
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer (.+)$/iu.exec(authorization ?? '')?.[1];
}
