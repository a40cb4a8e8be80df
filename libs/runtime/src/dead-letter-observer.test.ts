import { Writable } from 'node:stream';
import { pino } from 'pino';
import { deadLetterGauges } from './dead-letter-gauges';
import { DeadLetterObserver } from './dead-letter-observer';
import { Metrics } from './metrics';

const lines: Record<string, unknown>[] = [];
const log = pino(
  { level: 'info', formatters: { level: (level) => ({ level }) } },
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  }),
);

let metrics: Metrics;

beforeEach(() => {
  lines.length = 0;
  metrics = new Metrics('tests', undefined);
});

test('what expires is a line of the log and a number, by why', async () => {
  const observer = new DeadLetterObserver(metrics, log);
  observer.expired({ batches: 3, logEvents: 30, bytes: 9_000 }, 'age');
  observer.expired({ batches: 1, logEvents: 5, bytes: 100 }, 'size');
  const name = 'logferry_dead_letter_expired_log_events_total';
  const text = await metrics.registry.metrics();
  expect(text).toContain(`${name}{why="age",app="tests"} 30`);
  expect(text).toContain(`${name}{why="size",app="tests"} 5`);
  expect(lines).toMatchObject([
    { level: 'warn', batches: 3, logEvents: 30, why: 'age', msg: 'dead letters have expired' },
    { level: 'warn', why: 'size' },
  ]);
});

test('what is about to expire is a warning that names few tenants, however many there are', () => {
  const fullTenants = Array.from({ length: 1_000 }, (_, i) => `tenant-${i}`);
  new DeadLetterObserver(metrics, log).expiring({ expiring: 7, fullTenants });
  expect(lines).toMatchObject([
    { level: 'warn', batches: 7, fullTenants: fullTenants.slice(0, 20) },
  ]);
});

test('the gauges say what there is now, and nothing where it cannot be read', async () => {
  let isAway = false;
  const state = {
    batches: 4,
    bytes: 8_192,
    oldestAgeMs: 2_500,
    expiring: 1,
    fullTenants: ['acme'],
  };
  deadLetterGauges(metrics, () =>
    isAway ? Promise.reject(new Error('Redis is away')) : Promise.resolve(state),
  );
  const text = await metrics.registry.metrics();
  expect(text).toContain('logferry_dead_letter_batches{app="tests"} 4');
  expect(text).toContain('logferry_dead_letter_bytes{app="tests"} 8192');
  expect(text).toContain('logferry_dead_letter_oldest_age_seconds{app="tests"} 2.5');
  expect(text).toContain('logferry_dead_letter_expiring_batches{app="tests"} 1');
  expect(text).toContain('logferry_dead_letter_full_tenants{app="tests"} 1');
  isAway = true;
  expect(await metrics.registry.metrics()).not.toMatch(/^logferry_dead_letter/m);
  isAway = false;
  expect(await metrics.registry.metrics()).toContain('logferry_dead_letter_batches{app="tests"} 4');
});
