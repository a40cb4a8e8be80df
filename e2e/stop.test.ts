// Processes stop when they are told to, whatever else has stopped before them.
import { startBuiltApp, startRedis, type BuiltApp, type TestRedis } from '@logferry/testing';

const environment = {
  LOGFERRY_SHUTDOWN_DEADLINE_MS: '500',
  LOGFERRY_BROKER_SECRET: 'end-to-end-broker-secret',
  LOGFERRY_CLOUDWATCH_WORKER_PORT: '0',
  LOGFERRY_S3_WORKER_PORT: '0',
  LOGFERRY_INGEST_PORT: '0',
  LOGFERRY_AUTH0_POLLER_PORT: '0',
  LOGFERRY_AUTH0_POLLER_INGEST_KEY: 'a-key-that-nobody-asks-for',
  LOGFERRY_CONSOLE_PORT: '0',
  LOGFERRY_CONSOLE_PASSWORD: 'end-to-end-console-password',
};

let redis: TestRedis;
let app: BuiltApp | undefined;

beforeAll(async () => {
  redis = await startRedis();
});

afterEach(async () => {
  await app?.stop();
});

afterAll(async () => {
  await redis.stop();
});

test.each(['ingest', 'cloudwatch-worker', 's3-worker', 'console', 'auth0-poller'])(
  '%s stops within its deadline, with Redis and without',
  async (name) => {
    for (const isRedisThere of [true, false]) {
      await redis.start();
      app = startBuiltApp(name, { ...environment, REDIS_URL: redis.url });
      await app.ready;
      if (!isRedisThere) await redis.kill();
      app.signal('SIGTERM');
      const { code, output } = await app.ended;
      expect({ isRedisThere, code, output }).toEqual({
        isRedisThere,
        code: 0,
        output: expect.any(String) as string,
      });
      await redis.kill();
    }
  },
  30_000,
);
