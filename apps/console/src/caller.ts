import { RequestProblem } from '@logferry/runtime';
import { mayUse, splitKey, type Actor, type Directory, type StoredKey } from '@logferry/store';
import type { WriteRates } from './write-rates';

/** Who asks: whoever knows the console's password, or the holder of a key. */
export type Caller = { kind: 'login' } | { kind: 'key'; key: StoredKey };

/** A request that the guard has let in. */
export interface CalledRequest {
  caller?: Caller;
}

/** What the guard knows of a request by its route, which cannot be written in many ways as an address can. */
export interface AskedRoute {
  method: string;
  /** As Fastify names it; none if there is no such route. */
  url: string | undefined;
  params: unknown;
}

/** Routes at which a tenant's key is shown its own and nothing else: they ask `tenantOf` themselves. */
const TENANT_AWARE = new Set([
  '/v1/tenants',
  '/v1/keys',
  '/v1/keys/:keyId',
  '/v1/audit',
  '/v1/stats',
  '/v1/openapi.json',
]);
const OF_TENANT = /^\/v1\/tenants\/:tenantId(\/|$)/;

const SCHEME = 'Bearer ';

export function showsKey(authorization: string | undefined): authorization is string {
  return authorization?.slice(0, SCHEME.length).toLowerCase() === SCHEME.toLowerCase();
}

/** Lets the holders of keys in, to the API and nowhere else. */
export class KeyHolders {
  constructor(
    private readonly directory: Pick<Directory, 'authenticate'>,
    private readonly noteUse: (keyId: string) => void,
    private readonly writes: Pick<WriteRates, 'take'>,
  ) {}

  /** @throws RequestProblem if the key is not good, or not for this */
  async admit(authorization: string, route: AskedRoute): Promise<Caller> {
    const key = await this.authenticate(authorization.slice(SCHEME.length));
    this.noteUse(key.id);
    const scope = route.method === 'GET' || route.method === 'HEAD' ? 'read' : 'admin';
    if (!mayUse(key, scope))
      throw new RequestProblem(403, 'auth.scope_missing', `this needs a key with "${scope}"`);
    if (!isFor(key, route)) throw notHere();
    if (scope === 'admin' && key.tenantId !== undefined)
      await this.writes.take(key.tenantId).catch(redisAway);
    return { kind: 'key', key };
  }

  private async authenticate(text: string): Promise<StoredKey> {
    const key =
      splitKey(text) === undefined
        ? undefined
        : await this.directory.authenticate(text).catch(redisAway);
    if (key !== undefined) return key;
    throw new RequestProblem(401, 'auth.unknown_key', 'the key is not known, or was revoked', {
      'www-authenticate': 'Bearer error="invalid_token"',
    });
  }
}

/** @throws RequestProblem always */
function redisAway(error: unknown): never {
  if (error instanceof RequestProblem) throw error;
  throw new RequestProblem(
    503,
    'console.redis_unavailable',
    'what the key may do cannot be said just now',
    { 'retry-after': '1' },
  );
}

function isFor({ tenantId }: StoredKey, { url = '', params }: AskedRoute): boolean {
  if (!url.startsWith('/v1/')) return false;
  if (tenantId === undefined || TENANT_AWARE.has(url)) return true;
  return OF_TENANT.test(url) && (params as { tenantId?: unknown }).tenantId === tenantId;
}

/** The same for what there is not and for what is another tenant's. */
export function notHere(): RequestProblem {
  return new RequestProblem(404, 'request.not_found', 'there is nothing here');
}

/** The one tenant that a caller may see; nothing if it may see all. */
export function tenantOf(caller: Caller | undefined): string | undefined {
  return caller?.kind === 'key' ? caller.key.tenantId : undefined;
}

/** How the audit trail names a caller. */
export function actorOf(caller: Caller | undefined): Actor {
  if (caller?.kind !== 'key') return { kind: 'login' };
  return { kind: 'key', id: caller.key.id, name: caller.key.name };
}
