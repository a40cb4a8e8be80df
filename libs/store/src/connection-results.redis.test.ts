import { Destination } from '@logferry/core';
import { startRedis, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { ConfigStore } from './config-store';
import { ConnectionResults, type ConnectionResult } from './connection-results';

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;
let results: ConnectionResults;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  [store, results] = [new ConfigStore(redis), new ConnectionResults(redis)];
  for (const id of ['logs', 'other']) await store.putDestination('acme', aDestination(id));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const aDestination = (id: string) =>
  Destination.parse({
    id,
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
  });
const passed: ConnectionResult = {
  kind: 'test',
  outcome: 'passed',
  atMs: 0,
  triedFor: 'x',
  steps: [],
};

test('a result goes with its destination, and is not that of one which is made again', async () => {
  for (const id of ['logs', 'other']) await results.put(`acme/${id}`, passed);
  await store.deleteDestination('acme', 'logs');
  await store.putDestination('acme', aDestination('logs'));
  expect(await results.get('acme/logs')).toBeUndefined();
  expect([...(await results.all()).keys()]).toEqual(['acme/other']);
});

test('a test that ends when its destination is gone leaves nothing', async () => {
  await store.deleteDestination('acme', 'logs');
  expect(await results.put('acme/logs', passed)).toBe(false);
  expect(await results.put('acme/other', passed)).toBe(true);
  expect([...(await results.all()).keys()]).toEqual(['acme/other']);
});
