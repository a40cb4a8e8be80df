import { Metrics } from '@logferry/runtime';
import { startOidcIssuer, until, type OidcIssuer } from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerUpkeep } from './broker-upkeep';
import { PUBLISHED_AHEAD_MS, SigningKeys } from './signing-keys';

const DAY_MS = 86_400_000;

let world: OidcIssuer;
let dir: string;
let nowMs: number;
let keys: SigningKeys;
let running: BrokerUpkeep[];

beforeEach(async () => {
  world = await startOidcIssuer();
  dir = mkdtempSync(join(tmpdir(), 'logferry-keys-'));
  nowMs = Date.UTC(2026, 10, 21);
  keys = await openKeys();
  running = [];
});

afterEach(async () => {
  for (const upkeep of running) upkeep.stop();
  await world.stop();
  rmSync(dir, { recursive: true });
});

const openKeys = (): Promise<SigningKeys> =>
  SigningKeys.open({ dir, algorithm: 'ES256', rotateAfterMs: 90 * DAY_MS, now: () => nowMs });

interface Line {
  level: 'info' | 'error';
  text: string;
  facts: object;
}

const OFTEN = { keysMs: 5, firstCheckMs: 1, whileAmissMs: 5, wellMs: 5 };

/** An upkeep in which hours are milliseconds; what it logs, how often it has looked and found all well, and what its gauge says. */
function upkeepOf(over: { keys?: Pick<SigningKeys, 'current' | 'refresh'>; times?: object } = {}) {
  const lines: Line[] = [];
  const state = { lines, looks: 0, foundWell: 0 };
  const metrics = new Metrics('test', undefined);
  const noting = (level: Line['level']) => (facts: object, text: string) =>
    lines.push({ level, text, facts });
  const upkeep = new BrokerUpkeep({
    keys: over.keys ?? keys,
    issuer: {
      get url() {
        state.looks++;
        return world.url;
      },
      // The keys are compared last, so a look that gets here is over.
      jwks: () => {
        state.foundWell++;
        return { keys: [{ kid: 'key-1' }] };
      },
    },
    metrics,
    log: { info: noting('info'), error: noting('error') } as never,
    timeoutMs: 10_000,
    times: { ...OFTEN, ...over.times },
  });
  running.push(upkeep);
  const gauge = async (): Promise<string | undefined> =>
    /^logferry_broker_issuer_unreachable\S* (\d)/m.exec(await metrics.registry.metrics())?.[1];
  const seen = async (looks: number): Promise<void> => {
    const before = state.looks;
    await until(() => state.looks >= before + looks);
  };
  return { upkeep, state, gauge, seen };
}

test('documents that the world does not find are told once, and counted until they are found again', async () => {
  world.behaviour = 'failing';
  const { upkeep, state, gauge, seen } = upkeepOf();
  upkeep.start();
  await until(async () => (await gauge()) === '1');
  await seen(10);
  expect(state.lines).toHaveLength(1);
  expect(state.lines[0]).toMatchObject({ level: 'error' });
  expect(state.lines[0]?.text).toMatch(/AWS will refuse our tokens: .* answers HTTP 500/);

  world.behaviour = 'misnamed';
  await until(() => state.lines.length === 2);
  expect(state.lines[1]?.text).toMatch(/another issuer/);

  world.behaviour = 'well';
  await until(async () => (await gauge()) === '0');
  await seen(10);
  expect(state.lines).toHaveLength(3);
  expect(state.lines[2]).toMatchObject({
    level: 'info',
    text: expect.stringMatching(/again/) as string,
  });
});

test('what is well is looked at rarely, and what is amiss often', async () => {
  const rarely = upkeepOf({ times: { wellMs: 3_600_000 } });
  const often = upkeepOf();
  rarely.upkeep.start();
  often.upkeep.start();
  await until(() => rarely.state.foundWell > 0);
  const looks = rarely.state.looks;
  await often.seen(30);
  expect(rarely.state.looks).toBe(looks);
  expect(await rarely.gauge()).toBe('0');
});

test('a key that another broker has made signs here too, in its time and without a word between them', async () => {
  const other = await openKeys();
  const { upkeep, state } = upkeepOf();
  upkeep.start();
  const before = keys.current().kid;
  nowMs += 90 * DAY_MS - PUBLISHED_AHEAD_MS;
  await other.refresh();
  await until(() => keys.published().length === 2);
  expect(keys.current().kid).toBe(before);
  nowMs += PUBLISHED_AHEAD_MS;
  await until(() => state.lines.some(({ text }) => text.includes('another signing key')));
  expect(keys.current().kid).toBe(other.current().kid);
  expect(keys.current().kid).not.toBe(before);
});

test('a key that begins to sign between two looks is told, once', async () => {
  const [first, second] = [keys.current(), { ...keys.current(), kid: 'the-next' }];
  let [looks, signing] = [0, first];
  const { upkeep, state } = upkeepOf({
    keys: { current: () => signing, refresh: () => Promise.resolve(void looks++) },
  });
  upkeep.start();
  await until(() => looks > 0);
  signing = second;
  const before = looks;
  await until(() => looks > before + 3);
  const told = state.lines.filter(({ text }) => text.includes('another signing key'));
  expect(told).toMatchObject([{ level: 'info', facts: { kid: 'the-next' } }]);
});

test('keys that cannot be looked through are told of, and those at hand go on', async () => {
  let refreshes = 0;
  const failing = {
    current: () => keys.current(),
    refresh: () => (refreshes++, Promise.reject(new Error('the folder is away'))),
  };
  const { upkeep, state } = upkeepOf({ keys: failing });
  upkeep.start();
  await until(() => refreshes >= 3);
  const told = state.lines.filter(({ text }) => text.includes('those at hand go on'));
  expect(told.length).toBeGreaterThan(0);
  expect(told[0]).toMatchObject({
    level: 'error',
    facts: { err: new Error('the folder is away') },
  });
});

test('once it is stopped it looks no more, not even behind what was under way', async () => {
  const stopped = upkeepOf();
  const other = upkeepOf();
  stopped.upkeep.start();
  other.upkeep.start();
  await until(() => stopped.state.looks > 0);
  stopped.upkeep.stop();
  const { looks } = stopped.state;
  await other.seen(60);
  // What was under way may have looked once more.
  expect(stopped.state.looks - looks).toBeLessThanOrEqual(2);
});
