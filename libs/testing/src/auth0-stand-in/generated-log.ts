// Generated log events: every type that Auth0 documents, in the shape that Auth0's published schemas of them want.
import { createPrng } from '../sandbox-aws/prng';
import { exchangeLogs } from './exchange-logs';
import { guardianLogs } from './guardian-logs';
import { scene, type Scene } from './log-scene';
import { spec, type LogSpecs } from './log-spec';
import { loginLogs } from './login-logs';
import { systemLogs } from './system-logs';
import type { NewAuth0Log } from './tenant-logs';
import { userLogs } from './user-logs';

const SPECS: LogSpecs = {
  ...loginLogs,
  ...exchangeLogs,
  ...userLogs,
  ...guardianLogs,
  ...systemLogs,
};

/** Types that Auth0's schemas have and its documentation of the codes has not: nobody can know them beforehand. */
export const UNDOCUMENTED_LOG_TYPES: readonly string[] = [
  'fdeleacft',
  'fdelsa',
  'fscim',
  'limit_phone',
  'sdel',
  'sdeleacft',
  'sdelsa',
];

/** Every type that is documented, or was. */
export const LOG_TYPES: readonly string[] = Object.keys(SPECS).filter(
  (type) => !UNDOCUMENTED_LOG_TYPES.includes(type),
);

/** What a tenant's log mostly consists of. */
export const USUAL_LOG_TYPES: readonly string[] = [
  ...['s', 'seacft', 'ssa', 's', 'sertft', 'fp', 'seacft', 'slo', 'gd_auth_succeed', 'sapi'],
  ...['seccft', 's', 'ss', 'f', 'sv', 'svr', 'limit_wc', 'mgmt_api_read', 'fsa', 'scpr'],
];

const AUDIENCE = 'https://api.customer.example';

/** The fields behind the letters of a log's facets. */
const FACETS: Readonly<Record<string, (scene: Scene) => object>> = {
  c: ({ client }) => ({ client_id: client.id, client_name: client.name }),
  u: ({ user }) => ({ user_id: user.id, user_name: user.email }),
  s: ({ connection, strategy, strategyType }) => ({
    connection: connection.name,
    connection_id: connection.id,
    strategy,
    strategy_type: strategyType,
  }),
  h: ({ domain }) => ({ hostname: domain }),
  i: ({ ip }) => ({ ip }),
  o: ({ organization }) => ({
    organization_id: organization.id,
    organization_name: organization.name,
  }),
  r: ({ hex }) => ({ references: { correlation_id: hex(32), trace_id: hex(32) } }),
  x: ({ hex }) => ({ security_context: { ja3: hex(32), ja4: `t13d1516h2_${hex(12)}_${hex(12)}` } }),
  v: () => ({ auth0_client: { name: 'auth0-spa-js', version: '2.2.0' } }),
  a: () => ({ audience: AUDIENCE }),
  p: () => ({ scope: ['openid', 'profile', 'email'] }),
};

/** An event is taken in a little after it happened: in a busy log, the order of the ids is not that of the dates. */
const takenInAfterMs = (seed: number): number => 100 + Math.floor(createPrng(~seed)() * 800);

export function generatedLog(
  type: string,
  { domain, takenAtMs, seed }: { domain: string; takenAtMs: number; seed: number },
): NewAuth0Log {
  const atMs = takenAtMs - takenInAfterMs(seed);
  const of = scene(domain, atMs, seed);
  const { facets, description, details, more } = SPECS[type] ?? spec('cui', `Of the type ${type}`);
  const fields = [...facets].map((letter) => FACETS[letter]?.(of));
  return {
    date: new Date(atMs).toISOString(),
    type,
    description,
    ...(Object.assign({}, ...fields) as object),
    user_agent: of.userAgent,
    is_mobile: of.isMobile,
    ...(details === undefined ? {} : { details: details(of) }),
    ...more?.(of),
    tenant_name: of.tenant,
    environment_name: 'prod-eu-1',
    $event_schema: { version: '1.0.0' },
  };
}
