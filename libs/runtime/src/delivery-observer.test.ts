import { Failure } from '@logferry/core';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { DeliveryObserver } from './delivery-observer';
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
let observer: DeliveryObserver;

beforeEach(() => {
  lines.length = 0;
  metrics = new Metrics('tests', undefined);
  observer = new DeliveryObserver(metrics, log);
});

const aBatch = () => ({
  id: 'b1',
  tenantId: 'acme',
  destinationId: 'cw',
  logEvents: 10,
  bytes: 1_000,
  openedAt: Date.now() - 4_000,
});

const shown = (): Promise<string> => metrics.registry.metrics();

test('a delivery is counted, in log events, batches, bytes and age, and is no line of the log', async () => {
  observer.delivered(aBatch(), { rejected: [] });
  const text = await shown();
  expect(text).toContain(
    'logferry_delivery_log_events_total{outcome="delivered",code="",app="tests"} 10',
  );
  expect(text).toContain(
    'logferry_delivery_batches_total{outcome="delivered",code="",app="tests"} 1',
  );
  expect(text).toContain('logferry_delivery_bytes_total{app="tests"} 1000');
  expect(text).toContain('logferry_delivery_age_seconds_bucket{le="2.5",app="tests"} 0');
  expect(text).toContain('logferry_delivery_age_seconds_bucket{le="5",app="tests"} 1');
  expect(lines).toEqual([]);
});

test('what AWS refused of a batch is counted apart, by reason, and said', async () => {
  observer.delivered(aBatch(), {
    rejected: [
      { code: 'cloudwatch.log_event_too_old', from: 0, to: 3 },
      { code: 'cloudwatch.log_event_too_new', from: 9, to: 10 },
    ],
  });
  const text = await shown();
  expect(text).toContain('{outcome="delivered",code="",app="tests"} 6');
  expect(text).toContain('{outcome="rejected",code="cloudwatch.log_event_too_old",app="tests"} 3');
  expect(text).toContain('{outcome="rejected",code="cloudwatch.log_event_too_new",app="tests"} 1');
  expect(lines).toMatchObject([
    { level: 'warn', batchId: 'b1', tenantId: 'acme', rejected: 3 },
    { level: 'warn', destinationId: 'cw', rejected: 1 },
  ]);
});

test('a failure is a warning while nothing is lost, and an error when a person is needed', async () => {
  const failure = new Failure('s3.access_denied', { detail: 'AccessDenied 403' });
  observer.failed(aBatch(), failure, 'suspend');
  observer.failed(aBatch(), failure, 'dead_letter');
  expect(lines).toMatchObject([
    { level: 'warn', code: 's3.access_denied', fault: 'tenant', next: 'suspend' },
    { level: 'error', detail: 'AccessDenied 403', next: 'dead_letter' },
  ]);
  expect(await shown()).toContain(
    'logferry_delivery_batches_total{outcome="suspend",code="s3.access_denied",app="tests"} 1',
  );
});

test('a batch that AWS refuses as a whole is counted in log events too', async () => {
  observer.failed(aBatch(), new Failure('cloudwatch.invalid_batch'), 'reject');
  expect(await shown()).toContain(
    'logferry_delivery_log_events_total{outcome="rejected",code="cloudwatch.invalid_batch",app="tests"} 10',
  );
});

test('a metric never names a tenant: there may be very many', async () => {
  observer.delivered(aBatch(), { rejected: [] });
  observer.failed(aBatch(), new Failure('s3.throttled'), 'defer');
  expect(await shown()).not.toMatch(/acme|"cw"/);
});

test('a queue that fails many times a second is one line a second', () => {
  for (let i = 0; i < 100; i++) observer.error(new Error('Redis is away'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'warn', err: { message: 'Redis is away' } });
});
