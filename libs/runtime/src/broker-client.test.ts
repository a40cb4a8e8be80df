// The client against a broker over real TCP. The broker is hand-written: what it answers is in the hand of each test.
import 'reflect-metadata';
import { Destination, Failure, SESSION_PATTERN, sessionKey, type AwsSession } from '@logferry/core';
import { steadyPort, until } from '@logferry/testing';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { BrokerClient } from './broker-client';
import { Secret } from './secret';

interface Asked {
  tenantId: string;
  destinationId: string;
  refusedAccessKeyId?: string;
  secret: string;
  anew?: boolean;
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

function aDestination(
  id: string,
  { role = 'logferry', region = 'eu-central-1' } = {},
): Destination {
  const roleArn = `arn:aws:iam::123456789012:role/${role}`;
  return Destination.parse({
    id,
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn, sessionDurationSeconds: 3_600 },
    s3: { bucket: 'acme-logs' },
  });
}

const cw = aDestination('cw');
const s3 = aDestination('s3');

const issue = (session: AwsSession, destination = cw): unknown => ({
  session,
  issuedFor: sessionKey(destination),
});

let port: number;
let broker: INestMicroservice;
let client: BrokerClient;

const aClient = (timeoutMs: number, over = port): BrokerClient =>
  new BrokerClient({
    host: '127.0.0.1',
    port: over,
    secret: new Secret('what all workers know'),
    tls: undefined,
    timeoutMs,
  });

const PATIENT_MS = 20_000;

/** Lets the time of questions alone, by which they are given up, stand until a test moves it. */
function stopTimeOfQuestions(): void {
  jest.useFakeTimers({
    doNotFake: [
      'Date',
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setTimeout',
      'clearTimeout',
    ],
  });
}

beforeAll(async () => {
  port = await steadyPort();
  broker = await startBroker(port);
});

beforeEach(() => {
  asked.length = 0;
  answer = () => issue(aSession());
  client = aClient(PATIENT_MS);
});

afterEach(() => {
  jest.useRealTimers();
  client.close();
});

afterAll(async () => {
  await broker.close();
});

test('a session is asked for with the secret, and kept', async () => {
  const session = await client.session('acme', cw);
  expect(await client.session('acme', cw)).toBe(session);
  expect(asked).toEqual([
    { tenantId: 'acme', destinationId: 'cw', secret: 'what all workers know' },
  ]);
});

test('each destination of each tenant has a session of its own', async () => {
  const places = [
    ['acme', cw],
    ['acme', s3],
    ['globex', cw],
  ] as const;
  const sessions = await Promise.all(
    places.map(([tenantId, destination]) => client.session(tenantId, destination)),
  );
  expect(new Set(sessions.map(({ accessKeyId }) => accessKeyId)).size).toBe(3);
});

test('however many ask at once, the broker is asked once', async () => {
  const sessions = await Promise.all(Array.from({ length: 100 }, () => client.session('acme', cw)));
  expect(new Set(sessions).size).toBe(1);
  expect(asked).toHaveLength(1);
});

test('a session is used while it has a minute to live, and asked for anew when it has less', async () => {
  answer = () => issue(aSession(MARGIN_MS + 10_000));
  await client.session('acme', cw);
  await client.session('acme', cw);
  expect(asked).toHaveLength(1);
  answer = () => issue(aSession(MARGIN_MS));
  await client.session('acme', s3);
  await client.session('acme', s3);
  expect(asked).toHaveLength(3);
});

test('a session that AWS refused is not answered with again, and the broker is told which it was', async () => {
  const first = await client.session('acme', cw);
  const second = await client.session('acme', cw, first.accessKeyId);
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
  expect(asked[1]).toMatchObject({ refusedAccessKeyId: first.accessKeyId });
  // Somebody else who still held the refused one gets the fresh one, and nobody is asked again.
  expect(await client.session('acme', cw, first.accessKeyId)).toBe(second);
  expect(asked).toHaveLength(2);
});

test('a new session is asked for however good the one at hand is, and says so; others keep theirs', async () => {
  const known = await client.session('acme', cw);
  const made = await client.newSession('acme', cw);
  expect(made.accessKeyId).not.toBe(known.accessKeyId);
  expect(asked.map(({ anew }) => anew)).toEqual([undefined, true]);
  expect(await client.session('acme', cw)).toBe(known);
  answer = () => issue(aSession(), aDestination('cw', { role: 'another' }));
  await expect(client.newSession('acme', cw)).rejects.toMatchObject({
    code: 'destination.changing',
  });
});

test('an answer that is under way is no answer to whom it would give the refused session again', async () => {
  const stale = aSession(MARGIN_MS - 1);
  answer = (request) =>
    issue(request.refusedAccessKeyId === stale.accessKeyId ? aSession() : stale);
  await client.session('acme', cw);
  const [, fresh] = await Promise.all([
    client.session('acme', cw),
    client.session('acme', cw, stale.accessKeyId),
  ]);
  expect(fresh.accessKeyId).not.toBe(stale.accessKeyId);
});

test.each([
  ['role', aDestination('cw', { role: 'another' })],
  ['Region', aDestination('cw', { region: 'us-east-1' })],
])('a destination whose %s was changed has a session of its own at once', async (_, changed) => {
  const before = await client.session('acme', cw);
  answer = () => issue(aSession(), changed);
  const after = await client.session('acme', changed);
  expect(after.accessKeyId).not.toBe(before.accessKeyId);
  expect(await client.session('acme', changed)).toBe(after);
  expect(asked).toHaveLength(2);
});

test('a session of before the change is never used for what is after it, though the broker hears of it later', async () => {
  const changed = aDestination('cw', { role: 'another' });
  const late = { code: 'destination.changing', disposition: 'defer', retryAfterMs: 1_000 };
  await expect(client.session('acme', changed)).rejects.toMatchObject(late);
  await expect(client.session('acme', changed)).rejects.toMatchObject(late);
  answer = () => issue(aSession(), changed);
  const session = await client.session('acme', changed);
  // A worker that is itself behind is not given what was issued for the destination of now.
  await expect(client.session('acme', cw)).rejects.toMatchObject(late);
  expect(await client.session('acme', changed)).toBe(session);
});

test('whoever asks for what is after a change is not answered with what was asked for before it', async () => {
  const changed = aDestination('cw', { role: 'another' });
  const answers = [issue(aSession()), issue(aSession(), changed)];
  answer = () => answers.shift();
  const [before, after] = await Promise.all([
    client.session('acme', cw),
    client.session('acme', changed),
  ]);
  expect(after.accessKeyId).not.toBe(before.accessKeyId);
});

test('what the broker refuses is the failure that it names, and is not remembered', async () => {
  answer = () => ({ failure: 'credential.throttled', retryAfterMs: 1_234 });
  await expect(client.session('acme', cw)).rejects.toMatchObject({
    name: 'Failure',
    code: 'credential.throttled',
    retryAfterMs: 1_234,
  });
  answer = () => issue(aSession());
  await expect(client.session('acme', cw)).resolves.toMatchObject({ secretAccessKey: 'horse' });
});

test.each<[string, unknown]>([
  ['of another version', { session: { accessKeyId: 'ASIA0' } }],
  ['with a failure nobody knows', { failure: 'credential.invented' }],
  ['that is nothing', null],
])('an answer %s is the same as none', async (_, reply) => {
  answer = () => reply;
  await expect(client.session('acme', cw)).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
    disposition: 'defer',
  });
});

test('a broker that throws or does not answer is unavailable, and is not waited for for ever', async () => {
  answer = () => {
    throw new Error('a fault of the broker');
  };
  await expect(client.session('acme', cw)).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  answer = () => new Promise(() => undefined);
  stopTimeOfQuestions();
  const asking = client.session('acme', cw);
  await until(() => asked.length === 2);
  jest.advanceTimersByTime(PATIENT_MS);
  await expect(asking).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
});

test.each(['credential.broker_unavailable', 'credential.broker_refused'])(
  'the longer the broker says %s, the later everything comes back, and an answer ends that',
  async (failure) => {
    answer = () => ({ failure });
    const hint = (): Promise<number> =>
      client.session('acme', cw).then(
        () => NaN,
        (error: Failure) => error.retryAfterMs ?? NaN,
      );
    const first = await hint();
    expect(first).toBeLessThan(100);
    const later = await until(async () => {
      const waitMs = await hint();
      return waitMs > 150 && waitMs;
    });
    expect(later).toBeLessThanOrEqual(30_000);
    answer = () => ({ failure: 'credential.trust_denied' });
    await client.session('acme', cw).catch(() => undefined);
    answer = () => ({ failure });
    expect(await hint()).toBeLessThan(100);
  },
);

/** A way to the broker that can go silent, as one does when a machine in between forgets its connections. */
async function startPath(): Promise<{
  port: number;
  silence: () => void;
  connections: () => number;
  close: () => void;
}> {
  const live = new Set<{ isSilent: boolean; sockets: Socket[] }>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const path = { isSilent: false, sockets: [near, far] };
    live.add(path);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined);
      from.on('data', (bytes) => path.isSilent || to.write(bytes));
      from.on('close', () => {
        to.destroy();
        live.delete(path);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    silence: () => live.forEach((path) => (path.isSilent = true)),
    connections: () => live.size,
    close: () => {
      server.close();
      for (const { sockets } of live) sockets.forEach((socket) => socket.destroy());
    },
  };
}

test('a connection that went silent is left after one question, and the next one is answered', async () => {
  const path = await startPath();
  stopTimeOfQuestions();
  const over = aClient(PATIENT_MS, path.port);
  await over.session('acme', cw);
  path.silence();
  const swallowed = over.session('globex', cw);
  await until(() => jest.getTimerCount() > 0);
  jest.advanceTimersByTime(PATIENT_MS);
  await expect(swallowed).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  await expect(over.session('globex', cw)).resolves.toMatchObject({ secretAccessKey: 'horse' });
  await until(() => path.connections() === 1);
  over.close();
  await until(() => path.connections() === 0);
  path.close();
});

test('a question without an answer takes none from those that were asked beside it', async () => {
  const answered = Promise.withResolvers<void>();
  answer = async ({ destinationId }) => {
    if (destinationId === 's3') return new Promise(() => undefined);
    await answered.promise;
    return issue(aSession());
  };
  stopTimeOfQuestions();
  const unanswered = client.session('acme', s3);
  await until(() => asked.length === 1);
  jest.advanceTimersByTime(PATIENT_MS / 2);
  const slow = client.session('acme', cw).catch((error: unknown) => error);
  await until(() => asked.length === 2);
  jest.advanceTimersByTime(PATIENT_MS / 2);
  await expect(unanswered).rejects.toMatchObject({ code: 'credential.broker_unavailable' });
  answered.resolve();
  expect(await slow).toMatchObject({ secretAccessKey: 'horse' });
});

test('while the broker is away the sessions at hand are used, and when it is back there are new ones', async () => {
  const session = await client.session('acme', cw);
  await broker.close();
  await expect(client.session('acme', s3)).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  expect(await client.session('acme', cw)).toBe(session);
  broker = await startBroker(port);
  const later = await until(() => client.session('acme', s3).catch(() => false as const));
  expect(later.secretAccessKey).toBe('horse');
});

const expired = (): never => {
  throw new Failure('credential.expired');
};

test('an expired session is replaced once, and what it was for is done again', async () => {
  const used: string[] = [];
  const result = await client.withSession('acme', cw, ({ accessKeyId }) => {
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
  await expect(client.withSession('acme', cw, use)).rejects.toMatchObject({
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
    await expect(client.withSession('acme', cw, use)).rejects.toBe(error);
  }
  expect(uses).toBe(2);
  expect(asked).toHaveLength(1);
});

test('a hundred batches that meet the same expired session are one new session', async () => {
  const first = await client.session('acme', cw);
  const use = ({ accessKeyId }: AwsSession): Promise<string> =>
    accessKeyId === first.accessKeyId ? expired() : Promise.resolve(accessKeyId);
  const results = await Promise.all(
    Array.from({ length: 100 }, () => client.withSession('acme', cw, use)),
  );
  expect(new Set(results).size).toBe(1);
  expect(asked).toHaveLength(2);
});
