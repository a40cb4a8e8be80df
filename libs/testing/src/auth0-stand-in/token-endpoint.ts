// POST /oauth/token with client credentials. Its errors have OAuth's form, not the Management API's.
import { issueToken } from './access-token';
import { json } from './api-error';
import { scopesOf } from './auth0-client';
import type { Auth0Tenant } from './auth0-tenant';
import type { Answer } from '../sandbox-aws/answer';

/** The tenant that a request for a token is about: it is named by the audience alone. */
export function tenantOfTokenRequest(
  fields: TokenRequest,
  tenants: ReadonlyMap<string, Auth0Tenant>,
): Auth0Tenant | undefined {
  return [...tenants.values()].find(({ audience }) => audience === fields['audience']);
}

export type TokenRequest = Readonly<Record<string, string>>;

/** JSON or a form, as the content type says. */
export function readTokenRequest(body: string, contentType: string | undefined): TokenRequest {
  if (contentType?.startsWith('application/x-www-form-urlencoded') === true)
    return Object.fromEntries(new URLSearchParams(body));
  try {
    return { ...(JSON.parse(body) as TokenRequest) };
  } catch {
    return {};
  }
}

export async function answerToken(
  fields: TokenRequest,
  tenant: Auth0Tenant | undefined,
  nowMs: number,
): Promise<Answer> {
  if (fields['grant_type'] === undefined)
    return refusal(400, 'invalid_request', 'Missing required parameter: grant_type');
  if (fields['grant_type'] !== 'client_credentials')
    return refusal(403, 'unauthorized_client', 'Grant type not allowed for the client.');
  if (tenant === undefined)
    return refusal(403, 'access_denied', `Service not found: ${String(fields['audience'])}`);
  const client = tenant.clients.get(fields['client_id'] ?? '');
  if (client === undefined || client.clientSecret !== fields['client_secret'])
    return refusal(401, 'access_denied', 'Unauthorized');
  if (scopesOf(client).length === 0) {
    return refusal(
      403,
      'access_denied',
      `Client is not authorized to access "${tenant.audience}". You need to create a "client-grant" associated to this API.`,
    );
  }
  return json(200, {
    access_token: await issueToken(tenant, client, nowMs),
    scope: scopesOf(client).join(' '),
    expires_in: tenant.tokenLifeSeconds,
    token_type: 'Bearer',
  });
}

function refusal(httpStatus: number, error: string, description: string): Answer {
  return json(httpStatus, { error, error_description: description });
}
