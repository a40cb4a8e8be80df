// The client against a broker over real TCP. The broker is hand-written: what it answers is in the hand of each test.
import 'reflect-metadata';
import { Failure, SESSION_PATTERN, type AwsSession } from '@logferry/core';
import { freePort, until } from '@logferry/testing';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { BrokerClient } from './broker-client';
import { Secret } from './secret';

interface Asked {
  tenantId: string;
  destinationId: string;
  refusedAccessKeyId?: string;
  secret: string;
}

/** What the broker has been asked, and what it answers. */
const asked: Asked[] = [];
let answer: (request: Asked) => unknown;

@Controller()
class FakeBroker {
  @MessagePattern(SESSION_PATTERN)
  session(request: Asked): unknown {
    asked.push(request);
    return answer(request);
  }
}

@Module({ controllers: [FakeBroker] })
class FakeBrokerModule {}

async function startBroker(port: number): Promise<INestMicroservice> {
  const broker = await NestFactory.createMicroservice<MicroserviceOptions>(FakeBrokerModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
    logger: false,
  });
  await broker.listen();
  return broker;
}

const MARGIN_MS = 60_000;
const HOUR_MS = 3_600_000;
let issued = 0;

function aSession(lifeMs = HOUR_MS): AwsSession {
  issued++;
  return {
    accessKeyId: `ASIA${issued}`,
    secretAccessKey: 'horse',
    sessionToken: 'staple',
    expiresAt: Date.now() + lifeMs,
  };
}

let port: number;
let broker: INestMicroservice;
let client: BrokerClient;

beforeAll(async () => {
  port = await freePort();
  broker = await startBroker(port);
});

beforeEach(() => {
  asked.length = 0;
  answer = () => ({ session: aSession() });
  client = new BrokerClient({
    host: '127.0.0.1',
    port,
    secret: new Secret('what all workers know'),
    timeoutMs: 300,
  });
});

afterEach(() => {
  client.close();
});

afterAll(async () => {
  await broker.close();
});

test('a session is asked for with the secret, and kept', async () => {
  const session = await client.session('acme', 'cw');
  expect(await client.session('acme', 'cw')).toBe(session);
  expect(asked).toEqual([
    { tenantId: 'acme', destinationId: 'cw', secret: 'what all workers know' },
  ]);
});

test('each destination of each tenant has a session of its own', async () => {
  const places = [
    ['acme', 'cw'],
    ['acme', 's3'],
    ['globex', 'cw'],
  ];
  const sessions = await Promise.all(
    places.map(([tenantId = '', destinationId = '']) => client.session(tenantId, destinationId)),
  );
  expect(new Set(sessions.map(({ accessKeyId }) => accessKeyId)).size).toBe(3);
});

test('however many ask at once, the broker is asked once', async () => {
  const sessions = await Promise.all(
    Array.from({ length: 100 }, () => client.session('acme', 'cw')),
  );
  expect(new Set(sessions).size).toBe(1);
  expect(asked).toHaveLength(1);
});

test('a session is used while it has a minute to live, and asked for anew when it has less', async () => {
  answer = () => ({ session: aSession(MARGIN_MS + 10_000) });
  await client.session('acme', 'cw');
  await client.session('acme', 'cw');
  expect(asked).toHaveLength(1);
  answer = () => ({ session: aSession(MARGIN_MS) });
  await client.session('acme', 's3');
  await client.session('acme', 's3');
  expect(asked).toHaveLength(3);
});

test('a session that AWS refused is not answered with again, and the broker is told which it was', async () => {
  const first = await client.session('acme', 'cw');
  const second = await client.session('acme', 'cw', first.accessKeyId);
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
  expect(asked[1]).toMatchObject({ refusedAccessKeyId: first.accessKeyId });
  // Somebody else who still held the refused one gets the fresh one, and nobody is asked again.
  expect(await client.session('acme', 'cw', first.accessKeyId)).toBe(second);
  expect(asked).toHaveLength(2);
});

test('an answer that is under way is no answer to whom it would give the refused session again', async () => {
  const stale = aSession(MARGIN_MS - 1);
  answer = (request) => ({
    session: request.refusedAccessKeyId === stale.accessKeyId ? aSession() : stale,
  });
  await client.session('acme', 'cw');
  const [, fresh] = await Promise.all([
    client.session('acme', 'cw'),
    client.session('acme', 'cw', stale.accessKeyId),
  ]);
  expect(fresh.accessKeyId).not.toBe(stale.accessKeyId);
});

test('what the broker refuses is the failure that it names, and is not remembered', async () => {
  answer = () => ({ failure: 'credential.throttled', retryAfterMs: 1_234 });
  await expect(client.session('acme', 'cw')).rejects.toMatchObject({
    name: 'Failure',
    code: 'credential.throttled',
    retryAfterMs: 1_234,
  });
  answer = () => ({ session: aSession() });
  await expect(client.session('acme', 'cw')).resolves.toMatchObject({ secretAccessKey: 'horse' });
});

test.each<[string, unknown]>([
  ['of another version', { session: { accessKeyId: 'ASIA0' } }],
  ['with a failure nobody knows', { failure: 'credential.invented' }],
  ['that is nothing', null],
])('an answer %s is the same as none', async (_, reply) => {
  answer = () => reply;
  await expect(client.session('acme', 'cw')).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
    disposition: 'retry',
  });
});

test('a broker that throws or does not answer is unavailable, and is not waited for for ever', async () => {
  answer = () => {
    throw new Error('a fault of the broker');
  };
  await expect(client.session('acme', 'cw')).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  answer = () => new Promise(() => undefined);
  await expect(client.session('acme', 'cw')).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
});

test('while the broker is away the sessions at hand are used, and when it is back there are new ones', async () => {
  const session = await client.session('acme', 'cw');
  await broker.close();
  await expect(client.session('acme', 's3')).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  expect(await client.session('acme', 'cw')).toBe(session);
  broker = await startBroker(port);
  const later = await until(() => client.session('acme', 's3').catch(() => false as const));
  expect(later.secretAccessKey).toBe('horse');
});

const expired = (): never => {
  throw new Failure('credential.expired');
};

test('an expired session is replaced once, and what it was for is done again', async () => {
  const used: string[] = [];
  const result = await client.withSession('acme', 'cw', ({ accessKeyId }) => {
    used.push(accessKeyId);
    return used.length === 1 ? expired() : Promise.resolve('done');
  });
  expect(result).toBe('done');
  expect(new Set(used).size).toBe(2);
  expect(asked.map(({ refusedAccessKeyId }) => refusedAccessKeyId)).toEqual([undefined, used[0]]);
});

test('if the fresh session has expired too, that is a failure: it is not tried for ever', async () => {
  let uses = 0;
  const use = (): Promise<never> => {
    uses++;
    return expired();
  };
  await expect(client.withSession('acme', 'cw', use)).rejects.toMatchObject({
    code: 'credential.expired',
  });
  expect(uses).toBe(2);
});

test('any other failure is passed on, and nothing is done twice', async () => {
  let uses = 0;
  for (const error of [new Failure('s3.access_denied'), new Error('a fault of ours')]) {
    const use = (): Promise<never> => {
      uses++;
      return Promise.reject(error);
    };
    await expect(client.withSession('acme', 'cw', use)).rejects.toBe(error);
  }
  expect(uses).toBe(2);
  expect(asked).toHaveLength(1);
});

test('a hundred batches that meet the same expired session are one new session', async () => {
  const first = await client.session('acme', 'cw');
  const use = ({ accessKeyId }: AwsSession): Promise<string> =>
    accessKeyId === first.accessKeyId ? expired() : Promise.resolve(accessKeyId);
  const results = await Promise.all(
    Array.from({ length: 100 }, () => client.withSession('acme', 'cw', use)),
  );
  expect(new Set(results).size).toBe(1);
  expect(asked).toHaveLength(2);
});
