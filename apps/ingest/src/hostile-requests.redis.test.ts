// Requests that are slow, cut off, lying, or built to cost much: what they cost, and what is left of them.
import { BatchStore, patientRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { Destination } from '@logferry/core';
import {
  startBuiltApp,
  startRedis,
  until,
  withEnvironment,
  type BuiltApp,
  type TestRedis,
} from '@logferry/testing';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { startIngest } from './main';

const PLATFORM = 'the-key-of-the-platform';
const ACME = '/v1/tenants/acme/events?type=deployment';

let server: TestRedis;
let redis: RedisClient;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  await store.putDestination(
    'acme',
    Destination.parse({
      id: 's3',
      type: 's3',
      region: 'eu-central-1',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      s3: { bucket: 'acme-logs' },
    }),
  );
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const accepted = async (): Promise<number> => (await new BatchStore(redis, 0).totals()).accepted;

describe('with little room and little time', () => {
  const BODY_BYTES_MAX = 2_048;
  let app: RunningApp;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    app = await withEnvironment(
      {
        REDIS_URL: server.url,
        LOGFERRY_LOG_LEVEL: 'silent',
        LOGFERRY_INGEST_PORT: '0',
        LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
        LOGFERRY_INGEST_BODY_BYTES_MAX: String(BODY_BYTES_MAX),
        LOGFERRY_INGEST_IN_FLIGHT_BYTES_MAX: String(BODY_BYTES_MAX),
        LOGFERRY_INGEST_REQUEST_TIMEOUT_MS: '4000', // two tests wait for it; the others have to be through before
      },
      startIngest,
    );
    const ready = `http://127.0.0.1:${app.ports.http}/health/ready`;
    await until(async () => (await fetch(ready)).status === 200);
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  afterAll(async () => {
    await app.close();
  });

  /** A connection with these bytes sent, as they are. */
  function open(bytes: string): Socket {
    const socket = connect(app.ports.http ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(bytes);
    sockets.push(socket);
    return socket;
  }

  /** What comes back until the other side has said all that it says. */
  const answerTo = async (bytes: string): Promise<string> => text(open(bytes)).catch(() => '');

  /** A connection whose request was let in: it waits for the rest of its body, and holds its room. */
  async function openAdmitted(bytes: string): Promise<Socket> {
    const socket = open(bytes.replace('Connection: close', 'Expect: 100-continue'));
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(first.toString()).toMatch(/^HTTP\/1.1 100 Continue/);
    return socket;
  }

  const head = (length: number, path = ACME, key = PLATFORM): string =>
    [
      `POST ${path} HTTP/1.1`,
      'Host: ingest',
      'Connection: close',
      'Content-Type: application/json',
      `Authorization: Bearer ${key}`,
      `Content-Length: ${length}`,
      '\r\n',
    ].join('\r\n');

  async function post(body: string | Buffer<ArrayBuffer>, encoding?: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${app.ports.http}${ACME}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${PLATFORM}`,
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      },
    });
    return answer.status;
  }

  const sized = (bytes: number): string => JSON.stringify({ message: 'x'.repeat(bytes - 14) });
  const full = sized(BODY_BYTES_MAX);
  const small = sized(100);

  test('nobody without a key is asked for a body: the answer comes before it', async () => {
    expect(await answerTo(head(2_000, ACME, 'wrong'))).toMatch(/^HTTP\/1.1 401 /);
    expect(await answerTo(head(BODY_BYTES_MAX + 1))).toMatch(/^HTTP\/1.1 413 /);
    for (const path of ['/', '/v1/nothing', '/health/live', '/%76%31/events/x', '/V1/events'])
      expect(await answerTo(head(2_000, path))).toMatch(/^HTTP\/1.1 404 /);
  });

  test('a body that does not come in time is given up, with the room that it took', async () => {
    const before = await accepted();
    const slow = await openAdmitted(`${head(full.length)}{"message":"`);
    expect(await post(small)).toBe(503);
    expect(await text(slow)).toMatch(/^HTTP\/1.1 408 /);
    expect(await post(full)).toBe(202);
    expect(await accepted()).toBe(before + 1);
  });

  test('headers that do not come in time are given up', async () => {
    expect(await answerTo('POST /v1/events HTTP/1.1\r\nHost: ')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a sender that goes away in the middle of its body gives its room back, and nothing is stored', async () => {
    const before = await accepted();
    const socket = await openAdmitted(`${head(full.length)}${full.slice(0, -1)}`);
    expect(await post(small)).toBe(503);
    socket.destroy();
    await until(async () => (await post(full)) === 202);
    expect(await accepted()).toBe(before + 1);
  });

  test('a sender that goes away before it is answered gives its room back', async () => {
    for (let i = 0; i < 5; i++) {
      await server.pause();
      const socket = await openAdmitted(`${head(full.length)}${full}`);
      expect(await post(small)).toBe(503);
      socket.destroy();
      await server.resume();
      expect(await until(async () => (await post(full)) === 202)).toBe(true);
    }
  });

  test('a request that is refused gives its room back', async () => {
    const noJson = 'x'.repeat(BODY_BYTES_MAX);
    for (let i = 0; i < 5; i++) {
      expect(await post(noJson)).toBe(400);
      expect(await post(full, 'br')).toBe(415);
    }
    expect(await post(full)).toBe(202);
  });

  test('a body counts as what it inflates to', async () => {
    const packed = gzipSync(full);
    expect(packed.length).toBeLessThan(100);
    const waiting = await openAdmitted(`${head(100)}{`);
    expect(await post(small)).toBe(202);
    expect(await post(packed, 'gzip')).toBe(503);
    waiting.destroy();
    expect(await until(async () => (await post(packed, 'gzip')) === 202)).toBe(true);
  });

  test('a body that is longer than it says is not taken in part', async () => {
    const before = await accepted();
    const answer = await answerTo(`${head(10)}{"message":"longer than ten"}`);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
    expect(await accepted()).toBe(before);
  });

  test.each([
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a negative length', 'Content-Length: -1\r\n\r\n{}'],
    ['a length that is no number', 'Content-Length: ten\r\n\r\n{}'],
    ['chunks without an end', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'],
  ])(
    'a request with %s is refused, since two readers could read it in two ways',
    async (_, rest) => {
      const before = await accepted();
      const start = head(0).replace(/Content-Length.*/s, '');
      expect(await answerTo(start + rest)).toMatch(/^HTTP\/1.1 400 /);
      expect(await accepted()).toBe(before);
    },
  );

  test('headers that are too large are refused', async () => {
    const bytes = `${head(0).trimEnd()}\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await answerTo(bytes)).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('a process of its own', () => {
  const MIB = 1024 * 1024;
  let app: BuiltApp;
  let url: string;

  beforeAll(async () => {
    app = startBuiltApp('ingest', {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'warn',
      LOGFERRY_INGEST_PORT: '0',
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
      LOGFERRY_INGEST_IN_FLIGHT_BYTES_MAX: String(64 * MIB),
    });
    url = `http://127.0.0.1:${(await app.ready).http}`;
    await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
  });

  afterAll(async () => {
    await app.stop();
  });

  async function post(
    body: string | Buffer<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<[number, string]> {
    const answer = await fetch(url + ACME, {
      method: 'POST',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      body,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${PLATFORM}`,
        ...headers,
      },
    });
    return [answer.status, await answer.text()];
  }

  /** Working on a large body can keep the event loop for longer than Redis is waited for; then senders are told to come back. */
  const postUntilTaken = (...request: Parameters<typeof post>): Promise<[number, string]> =>
    until(async () => {
      const answer = await post(...request);
      return answer[0] !== 503 && answer;
    });

  const residentMiB = (): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${app.pid}/status`, 'utf8'))?.[1]) / 1024;

  /** Ten times what any of it takes on a machine that does nothing else. */
  const ANSWER_MS_MAX = 25_000;

  /** Twice the most that was seen on a busy machine; inflating all at once took 4,800 (measured). */
  const RESIDENT_MIB_MAX = 2_400;

  const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const digits = '12345678901234567890';

  test.each<[string, string, number, string]>([
    ['5 MiB of opening brackets', '['.repeat(5 * MIB), 400, 'request.invalid_json'],
    ['2.5 million arrays in each other', nested(2.5 * MIB), 202, 'event.not_an_object'],
    ['a message as deep', `{"message":${nested(2 * MIB)}}`, 202, 'event.message_too_deep'],
    [
      'a million objects in each other',
      `${'{"a":'.repeat(MIB)}1${'}'.repeat(MIB)}`,
      202,
      'event.unknown_field',
    ],
    [
      'deep arrays beside a number that has to be parsed again',
      `[{"message":{"n":${digits}}},{"message":${nested(MIB)}}]`,
      202,
      '"accepted":1,"rejected":[{"index":1,"code":"event.message_too_deep"',
    ],
    ['five million numbers', `[${'0,'.repeat(4.9 * MIB)}0]`, 413, 'request.too_many_log_events'],
  ])(
    '%s are answered in time and memory, and the process goes on',
    async (_, body, status, code) => {
      const [answered, answer] = await postUntilTaken(body);
      expect([answered, answer]).toEqual([status, expect.stringContaining(code)]);
      expect(residentMiB()).toBeLessThan(RESIDENT_MIB_MAX);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    },
  );

  test('a line of NDJSON that is too deep spoils no other line', async () => {
    const body = `{"message":{"n":${digits}}}\n{"message":${nested(MIB)}}\n{"message":"b"}`;
    const [status, answer] = await postUntilTaken(body, {
      'content-type': 'application/x-ndjson',
    });
    expect(status).toBe(202);
    expect(JSON.parse(answer)).toMatchObject({
      accepted: 2,
      rejected: [{ index: 1, code: 'event.message_too_deep' }],
    });
  });

  test('a hundred bodies that inflate a thousandfold do not fill the memory', async () => {
    const line = JSON.stringify({ type: 'deployment', message: '' }) + '\n';
    const packed = gzipSync(line + ' '.repeat(10 * MIB - line.length));
    expect(packed.length).toBeLessThan(20_000);
    const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(packed, headers)));
    const statuses = new Set(answers.map(([status]) => status));
    expect([...statuses].filter((status) => status !== 202 && status !== 503)).toEqual([]);
    expect(residentMiB()).toBeLessThan(RESIDENT_MIB_MAX);
    expect((await postUntilTaken('{"message":"after"}'))[0]).toBe(202);
  });

  test('none of it is a fault of ours in the log', () => {
    expect(app.output()).not.toMatch(/"level":"(error|fatal)"/);
  });
});
