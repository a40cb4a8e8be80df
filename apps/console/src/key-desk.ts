import {
  isKeyId,
  keyPlace,
  mintKey,
  tenantPlace,
  type ConfigStore,
  type KeyRate,
  type KeyUses,
  type RecordWrite,
  type StoredKey,
} from '@logferry/store';
import { RequestProblem } from '@logferry/runtime';
import { tenantOf, type Caller } from './caller';
import { stored, tooMany, unknownTenant, type Put } from './config-outcome';
import { invalid, parseConfig } from './config-problem';
import { KeyChange, keyView, NewKey, type KeyView } from './config-views';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf, expectedOfRead, mayReadAgain } from './precondition';

/** Each is looked up for every request that shows it. */
const KEYS_OF_TENANT_MAX = 100;
/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

/** What may be done with keys. Whoever has a tenant's key is shown that tenant's keys, and there are no others for them. */
export class KeyDesk {
  constructor(
    private readonly store: ConfigStore,
    private readonly uses: Pick<KeyUses, 'lastUses'>,
    private readonly readOnly: boolean,
  ) {}

  async list(
    caller: Caller | undefined,
    { tenant, ...page }: PageRequest & { tenant?: string | undefined },
  ): Promise<object> {
    const own = tenantOf(caller);
    if (own !== undefined && tenant !== undefined && tenant !== own) throw unknownTenant();
    const tenantId = own ?? tenant;
    const all = await this.store.keys();
    const keys = new Map(
      all
        .filter((key) => tenantId === undefined || key.tenantId === tenantId)
        .map((key) => [key.id, key]),
    );
    const { ids, cursor } = pageOf([...keys.keys()].sort(), page);
    return { keys: await this.views(ids.flatMap((id) => keys.get(id) ?? [])), cursor };
  }

  /** @throws RequestProblem if there is no such key for whoever asks */
  async find(caller: Caller | undefined, keyId: string): Promise<KeyView> {
    const [view] = await this.views([(await this.keyOf(caller, keyId)).key]);
    if (view === undefined) throw unknownKey();
    return view;
  }

  /**
   * Makes a key; its text is told here and nowhere again.
   *
   * @throws RequestProblem
   */
  async mint(request: WriteRequest): Promise<KeyView & { key: string }> {
    mayWrite(this.readOnly);
    const { name, tenant, scopes, ...ownRate } = parseConfig(NewKey, request.body);
    const own = tenantOf(request.caller);
    if (own !== undefined && tenant !== undefined && tenant !== own) throw unknownTenant();
    const tenantId = own ?? tenant;
    // The store counts again with the write, those that were made since it keeps count.
    if (tenantId !== undefined && (await this.count(tenantId)) >= KEYS_OF_TENANT_MAX)
      throw tooMany(KEYS_OF_TENANT_MAX, 'keys');
    const { text, key: minted } = mintKey(name, tenantId, Date.now(), scopes);
    const rate = rateFor(request.caller, ownRate);
    const key = rate === undefined ? minted : { ...minted, rate };
    const { version } = stored(await this.store.write(byOf(request), writeOf(key)), 'key');
    return { ...keyView(key, version, undefined), key: text };
  }

  /** @throws RequestProblem */
  async change(keyId: string, request: WriteRequest): Promise<Put<KeyView>> {
    mayWrite(this.readOnly);
    for (let tries = 0; tries < TRIES; tries++) {
      const { key, version: read } = await this.keyOf(request.caller, keyId);
      const { value, expected } = readRecord(KeyChange, keyId, request);
      const changed = changedKey(request.caller, key, value);
      // What is not told stays as it was read, which must not be written over a newer rate; and a revoked key must not come back.
      const options = { by: byOf(request), expected: expectedOfRead(expected, read) };
      const written = await this.store.putKey(changed, options);
      if (written.kind === 'conflict' && mayReadAgain(expected)) continue;
      const { version } = stored(written, 'key');
      const [lastUse] = await this.uses.lastUses([keyId]);
      return { created: false, view: keyView(changed, version, lastUse) };
    }
    throw new Error('a key is changed by others again and again');
  }

  /** @throws RequestProblem */
  async revoke(keyId: string, request: WriteRequest): Promise<void> {
    mayWrite(this.readOnly);
    await this.keyOf(request.caller, keyId);
    const options = { by: byOf(request), expected: expectedOf(request.headers) };
    stored(await this.store.deleteKey(keyId, options), 'key');
  }

  private async keyOf(
    caller: Caller | undefined,
    keyId: string,
  ): Promise<{ key: StoredKey; version: number }> {
    const [record] = isKeyId(keyId) ? await this.store.find([keyPlace({ id: keyId })]) : [];
    if (record === undefined) throw unknownKey();
    const { text, version } = record;
    const key = JSON.parse(text) as StoredKey;
    const own = tenantOf(caller);
    if (own !== undefined && key.tenantId !== own) throw unknownKey();
    return { key, version };
  }

  private async views(keys: readonly StoredKey[]): Promise<KeyView[]> {
    const found = await this.store.find(keys.map((key) => keyPlace(key)));
    const uses = await this.uses.lastUses(keys.map(({ id }) => id));
    return keys.flatMap((key, i) => {
      const version = found[i]?.version;
      return version === undefined ? [] : [keyView(key, version, uses[i])];
    });
  }

  private async count(tenantId: string): Promise<number> {
    return (await this.store.keys()).filter((key) => key.tenantId === tenantId).length;
  }
}

/** A tenant's key is written only while there is the tenant: it would be good for the next one of that id. */
function writeOf(key: StoredKey): RecordWrite[] {
  const write: RecordWrite = { place: keyPlace(key), to: { value: key }, expected: 'absent' };
  if (key.tenantId === undefined) return [write];
  return [
    { ...write, most: KEYS_OF_TENANT_MAX },
    { place: tenantPlace(key.tenantId), expected: 'present' },
  ];
}

/** A rate bounds a tenant, who therefore sets none: a key that it makes has that of the key that made it. */
function rateFor(caller: Caller | undefined, rate: KeyRate): KeyRate | undefined {
  if (tenantOf(caller) === undefined) return isEmpty(rate) ? undefined : rate;
  if (!isEmpty(rate)) throw noRate();
  return caller?.kind === 'key' ? caller.key.rate : undefined;
}

/** @throws RequestProblem */
function changedKey(
  caller: Caller | undefined,
  { rate: before, ...key }: StoredKey,
  { name, scopes, tenant, logEventsPerSecond, bytesPerSecond }: KeyChange,
): StoredKey {
  if (tenant !== undefined && tenant !== (key.tenantId ?? null))
    throw invalid([{ path: '$.tenant', message: "a key's tenant is for good: make another key" }]);
  const rate = changedRate(caller, before, { logEventsPerSecond, bytesPerSecond });
  return { ...key, name, scopes, ...(rate === undefined ? {} : { rate }) };
}

function changedRate(
  caller: Caller | undefined,
  before: KeyRate | undefined,
  { logEventsPerSecond, bytesPerSecond }: { [K in keyof KeyRate]: KeyRate[K] | undefined },
): KeyRate | undefined {
  const after: KeyRate = {
    ...(logEventsPerSecond === undefined ? {} : { logEventsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
  };
  if (tenantOf(caller) === undefined) return isEmpty(after) ? undefined : after;
  const isSame =
    (after.logEventsPerSecond ?? before?.logEventsPerSecond) === before?.logEventsPerSecond &&
    (after.bytesPerSecond ?? before?.bytesPerSecond) === before?.bytesPerSecond;
  if (!isSame) throw noRate();
  return before;
}

function isEmpty(rate: KeyRate): boolean {
  return Object.values(rate).every((value) => value === undefined);
}

function noRate(): RequestProblem {
  return new RequestProblem(403, 'auth.platform_only', 'only a platform key sets rates');
}

function unknownKey(): RequestProblem {
  return new RequestProblem(404, 'config.unknown_key', 'there is no key of this id');
}
