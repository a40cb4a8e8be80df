import type { Ledger } from '@logferry/core';
import { Metrics } from './metrics';
import { Secret } from './secret';

const TOKEN = 'a-token-of-the-metrics';
const OUTSIDE = '10.0.0.7';

test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('this machine (%s) may read them', (ip) => {
  expect(new Metrics('tests', undefined).mayRead(ip, {})).toBe(true);
});

test.each(['x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'x-real-ip', 'via'])(
  'what a proxy on this machine has passed on (%s) needs the token',
  (header) => {
    const metrics = new Metrics('tests', new Secret(TOKEN));
    const passedOn = { [header]: '127.0.0.1' };
    expect(metrics.mayRead('127.0.0.1', passedOn)).toBe(false);
    expect(metrics.mayRead('127.0.0.1', { ...passedOn, authorization: `Bearer ${TOKEN}` })).toBe(
      true,
    );
  },
);

test('without a token nobody else may', () => {
  const metrics = new Metrics('tests', undefined);
  for (const shown of [undefined, '', 'Bearer', 'Bearer ', 'Bearer undefined', 'Bearer [secret]'])
    expect(metrics.mayRead(OUTSIDE, { authorization: shown })).toBe(false);
});

test.each<[string | undefined, boolean]>([
  [`Bearer ${TOKEN}`, true],
  [`bearer ${TOKEN}`, true],
  [TOKEN, false],
  [`Basic ${TOKEN}`, false],
  [`Bearer ${TOKEN}x`, false],
  [`Bearer  ${TOKEN}`, false],
  [`Bearer ${TOKEN.slice(1)}`, false],
  ['Bearer [secret]', false],
  [undefined, false],
])('with a token, whoever shows %j may: %s', (shown, may) => {
  expect(new Metrics('tests', new Secret(TOKEN)).mayRead(OUTSIDE, { authorization: shown })).toBe(
    may,
  );
});

test('numbers carry the name of the project and of the process', async () => {
  const metrics = new Metrics('tests', undefined);
  metrics.counter('ferries_total', 'Ferries', ['port']).inc({ port: 'Genoa' });
  metrics.histogram('trip_seconds', 'Trips', [1, 10]).observe(5);
  const text = await metrics.registry.metrics();
  expect(text).toContain('logferry_ferries_total{port="Genoa",app="tests"} 1');
  expect(text).toContain('logferry_trip_seconds_bucket{le="10",app="tests"} 1');
  expect(text).toContain('process_cpu_seconds_total{app="tests"}');
});

const ledger = (over: Partial<Ledger>): Ledger => ({
  accepted: 0,
  delivered: 0,
  rejected: 0,
  rejectedBy: {},
  discarded: 0,
  discardedBy: {},
  deadLettered: 0,
  waiting: 0,
  ...over,
});

test('the ledger is read when somebody asks, summed over the shards, and says what is unaccounted for', async () => {
  const metrics = new Metrics('tests', undefined);
  let shards = [ledger({}), ledger({})];
  metrics.ledger(() => Promise.resolve(shards));
  expect(await metrics.registry.metrics()).toContain(
    'logferry_ledger_unaccounted_log_events{app="tests"} 0',
  );
  shards = [
    ledger({ accepted: 10, delivered: 4, rejected: 3, waiting: 3 }),
    ledger({ accepted: 7, delivered: 1, deadLettered: 2, waiting: 2, discarded: 1 }),
  ];
  const text = await metrics.registry.metrics();
  expect(text).toContain('logferry_ledger_log_events{place="accepted",app="tests"} 17');
  expect(text).toContain('logferry_ledger_log_events{place="delivered",app="tests"} 5');
  expect(text).toContain('logferry_ledger_log_events{place="deadLettered",app="tests"} 2');
  expect(text).toContain('logferry_ledger_unaccounted_log_events{app="tests"} 2');
  expect(text).toContain('logferry_ledger_discarded_log_events{app="tests"} 1');
});

test('a ledger that cannot be read is left out, and everything else is told', async () => {
  const metrics = new Metrics('tests', undefined);
  let isAway = false;
  metrics.ledger(() =>
    isAway
      ? Promise.reject(new Error('Redis is away'))
      : Promise.resolve([ledger({ accepted: 1 })]),
  );
  const shown = /^logferry_ledger_/m;
  expect(await metrics.registry.metrics()).toMatch(shown);
  isAway = true;
  const text = await metrics.registry.metrics();
  expect(text).not.toMatch(shown);
  expect(text).toContain('process_cpu_seconds_total');
  isAway = false;
  expect(await metrics.registry.metrics()).toContain(
    'logferry_ledger_unaccounted_log_events{app="tests"} 1',
  );
});
