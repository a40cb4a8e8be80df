import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { pino } from 'pino';
import { HealthController } from './health.controller';
import { startHttpApp } from './http-app';
import { Metrics } from './metrics';
import { Readiness } from './readiness';
import type { RunningApp } from './run-app';

let has = { redis: true, broker: true };

@Module({
  controllers: [HealthController],
  providers: [
    {
      provide: Readiness,
      useFactory: () => new Readiness({ redis: () => has.redis, broker: () => has.broker }),
    },
    { provide: Metrics, useFactory: () => new Metrics('tests', undefined) },
  ],
})
class HealthModule {}

let app: RunningApp;
let url: string;

beforeAll(async () => {
  app = await startHttpApp(HealthModule, () => ({
    log: pino({ level: 'silent' }),
    host: '127.0.0.1',
    port: 0,
    shutdownDeadlineMs: 0,
  }));
  url = `http://127.0.0.1:${app.ports.http}`;
});

beforeEach(() => {
  has = { redis: true, broker: true };
});

afterAll(async () => {
  await app.close();
});

test('a process that runs is live, whatever it misses', async () => {
  has = { redis: false, broker: false };
  const answer = await fetch(`${url}/health/live`);
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'live' }]);
});

test('a process that has what it needs is ready', async () => {
  const answer = await fetch(`${url}/health/ready`);
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ready' }]);
});

test('a process that misses something is not ready, and says what it waits for', async () => {
  has = { redis: false, broker: true };
  const answer = await fetch(`${url}/health/ready`);
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { status: 'not_ready', waitingFor: ['redis'] },
  ]);
});

test('metrics are had in the form that Prometheus reads', async () => {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
  expect(await answer.text()).toContain('process_cpu_seconds_total{app="tests"}');
});

test.each([
  ['x-forwarded-for', '127.0.0.1'],
  ['forwarded', 'for=127.0.0.1'],
])(
  'whoever comes through a proxy on this machine (%s) is not on this machine',
  async (name, value) => {
    const answer = await fetch(`${url}/metrics`, { headers: { [name]: value } });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'metrics.forbidden' });
  },
);

test('an address or a method that there is not is answered as that, without detail', async () => {
  for (const [method, path] of [
    ['GET', '/health'],
    ['GET', '/health/live/'],
    ['POST', '/health/live'],
    ['DELETE', '/metrics'],
  ] as const) {
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'request.not_found' });
  }
});
