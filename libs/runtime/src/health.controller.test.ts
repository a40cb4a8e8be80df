import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { HealthController } from './health.controller';
import { startHttpApp } from './http-app';
import { Metrics } from './metrics';
import { Readiness } from './readiness';
import type { RunningApp } from './run-app';
import { Secret } from './secret';

const TOKEN = 'a-token-for-metrics';
/** As if somebody else had sent it, through a proxy on this machine. */
const PASSED_ON = { 'x-forwarded-for': '192.0.2.1' };

let has = { redis: true, broker: true };

@Module({
  controllers: [HealthController],
  providers: [
    {
      provide: Readiness,
      useFactory: () => new Readiness({ redis: () => has.redis, broker: () => has.broker }),
    },
    { provide: Metrics, useFactory: () => new Metrics('tests', new Secret(TOKEN)) },
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
  const answer = await fetch(`${url}/health/ready`, { headers: PASSED_ON });
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ready' }]);
});

test('a process that misses something is not ready, and says what it waits for', async () => {
  has = { redis: false, broker: true };
  const answer = await fetch(`${url}/health/ready`, { headers: PASSED_ON });
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { status: 'not_ready', waitingFor: ['redis'] },
  ]);
});

test('whoever may read the metrics is told which version it is, ready or not, and nobody else', async () => {
  const { version } = JSON.parse(
    readFileSync(join(__dirname, '..', '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  const what = { version, node: process.versions.node };
  const ask = async (headers: Record<string, string>): Promise<unknown> =>
    (await fetch(`${url}/health/ready`, { headers })).json();
  expect(await ask({})).toEqual({ status: 'ready', ...what });
  expect(await ask({ ...PASSED_ON, authorization: `Bearer ${TOKEN}` })).toMatchObject(what);
  expect(await ask({ ...PASSED_ON, authorization: 'Bearer another-token' })).toEqual({
    status: 'ready',
  });
  has = { redis: false, broker: true };
  expect(await ask({})).toEqual({ status: 'not_ready', waitingFor: ['redis'], ...what });
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
