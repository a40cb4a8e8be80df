// How many records of a kind a tenant may have, however many are made at the same moment.
import { startRedis, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { mintKey } from './api-key';
import {
  channelPlace,
  destinationPlace,
  keyPlace,
  sourcePlace,
  tenantPlace,
  type RecordPlace,
  type RecordWrite,
} from './config-record';
import { ConfigStore } from './config-store';

const MOST = 5;
const by = { kind: 'command' } as const;

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  store = new ConfigStore(redis);
  for (const id of ['acme', 'ajax']) await store.putTenant({ id });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

interface Made {
  place: RecordPlace;
  value: object;
}

const aKey = (tenantId: string): Made => {
  const { key } = mintKey('a key', tenantId, Date.now(), ['send']);
  return { place: keyPlace(key), value: key };
};
const kinds: Record<string, (tenantId: string, i: number) => Made> = {
  destinations: (tenantId, i) => ({ place: destinationPlace(tenantId, `d${i}`), value: { i } }),
  sources: (tenantId, i) => ({ place: sourcePlace(tenantId, `s${i}`), value: { i } }),
  channels: (tenantId, i) => ({ place: channelPlace(tenantId, `c${i}`), value: { i } }),
  keys: aKey,
};

const writeOf = ({ place, value }: Made): RecordWrite => ({ place, to: { value }, most: MOST });
const write = (...made: Made[]) =>
  store.write(by, [
    ...made.map(writeOf),
    { place: tenantPlace('acme'), expected: 'present' as const },
  ]);
const many = (make: (tenantId: string, i: number) => Made, count: number, tenantId = 'acme') =>
  Array.from({ length: count }, (_, i) => make(tenantId, i));

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test('of many that are made at once, as many are as there may be, and the others are told so', async () => {
    const outcomes = await Promise.all(many(make, 3 * MOST).map((one) => write(one)));
    const written = outcomes.filter(({ kind }) => kind === 'written');
    const full = outcomes.filter((outcome) => outcome.kind === 'full');
    expect([written.length, full.length]).toEqual([MOST, 2 * MOST]);
    expect(full[0]).toMatchObject({ most: MOST, place: { tenantId: 'acme' } });
  });

  test('what is there may be changed, what is deleted makes room, and no other tenant takes any', async () => {
    const first = make('acme', 0);
    await write(first);
    for (const one of many(make, 3 * MOST, 'ajax')) await write(one);
    for (const one of many(make, MOST).slice(1)) expect((await write(one)).kind).toBe('written');
    const more = make('acme', MOST);
    expect((await write(more)).kind).toBe('full');
    expect((await write({ ...first, value: { ...first.value, name: 'b' } })).kind).toBe('written');
    await store.write(by, [{ place: first.place, to: { value: undefined } }]);
    expect((await write(more)).kind).toBe('written');
    expect((await write(first)).kind).toBe('full');
  });

  test('of those that are written together, each counts, and none is written where one has no room', async () => {
    expect((await write(...many(make, MOST + 1))).kind).toBe('full');
    expect((await write(...many(make, MOST))).kind).toBe('written');
  });
});

test('destinations that variables make take no room', async () => {
  const derived = (i: number) => destinationPlace('acme', `vars.env0_s3.${i}`);
  for (let i = 0; i < 2 * MOST; i++)
    await store.write(by, [{ place: derived(i), to: { value: { i } } }]);
  const outcomes = await Promise.all(
    many(kinds.destinations as (typeof kinds)[string], MOST + 1).map((one) => write(one)),
  );
  expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(MOST);
});
