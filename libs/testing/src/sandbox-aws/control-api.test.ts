// Goal: whatever a test in the same process can do, another process can do over HTTP, and no web page of another site can.
// Method: fetch, and plain HTTP where the host or origin must lie. Doubles: none.
import { ACCOUNT, ADMIN, ALLOW_ALL, REGION } from './fixtures';
import { sendRaw } from './raw-request';
import { logs, logsClient, refusalOf, s3, s3Client } from './sdk-clients';
import { startSandboxAws } from './start-sandbox-aws';
import type { SandboxAws } from './start-sandbox-aws';

let sandbox: SandboxAws;

beforeAll(async () => {
  sandbox = await startSandboxAws({ port: 0 });
});

beforeEach(async () => {
  await ask('POST', 'reset');
  await ask('POST', 'seed', {
    accounts: [ACCOUNT],
    users: [{ account: ACCOUNT, name: 'admin', accessKeys: [ADMIN], policies: [ALLOW_ALL] }],
    logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', streams: ['s'] }],
    buckets: [{ name: 'the-bucket', region: REGION, account: ACCOUNT }],
  });
});

afterAll(async () => {
  await sandbox.stop();
});

async function ask(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { httpStatus: answer.status, body: (await answer.json()) as unknown };
}

async function put(message: string): Promise<void> {
  const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
  const logEvents = [{ timestamp: Date.now(), message }];
  await client
    .send(new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }))
    .finally(() => {
      client.destroy();
    });
}

const STREAM = `account=${ACCOUNT}&region=${REGION}&group=g&stream=s`;

describe('what it offers', () => {
  test('the events of a stream, waiting for them if asked to', async () => {
    const waiting = ask('GET', `log-events?${STREAM}&atLeast=2&waitMs=10000`);
    await put('one');
    await put('one more');
    expect(await waiting).toMatchObject({
      httpStatus: 200,
      body: {
        keptEvents: 2,
        duplicateEvents: 0,
        stream: { acceptedEvents: 2, droppedEvents: 0 },
        events: [{ message: 'one' }, { message: 'one more' }],
      },
    });
    const late = await ask('GET', `log-events?${STREAM}&atLeast=3&waitMs=20&start=1&count=5`);
    expect(late.body).toMatchObject({ keptEvents: 2, events: [{ message: 'one more' }] });
  });

  test('faults, set, listed, removed and cleared', async () => {
    const { body } = await ask('POST', 'faults', {
      match: { service: 'logs' },
      action: { kind: 'throttle' },
    });
    const { id } = body as { id: string };
    expect(await refusalOf(put('x'))).toMatchObject({ code: 'ThrottlingException' });
    expect((await ask('GET', 'faults')).body).toMatchObject({ faults: [{ id, hits: 1 }] });
    expect((await ask('DELETE', `faults?id=${id}`)).body).toEqual({ removed: true });
    await put('x');
    await ask('POST', 'faults', { action: { kind: 'deny' } });
    await ask('DELETE', 'faults');
    expect((await ask('GET', 'faults')).body).toEqual({ faults: [] });
  });

  test('objects and their content', async () => {
    const client = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
    await client.send(
      new s3.PutObjectCommand({
        Bucket: 'the-bucket',
        Key: 'a/b.log',
        Body: '<script>',
        ContentType: 'text/html',
      }),
    );
    client.destroy();
    expect((await ask('GET', 'objects?bucket=the-bucket&prefix=a/')).body).toMatchObject({
      objects: [{ key: 'a/b.log', contentBytes: 8, isContentKept: true }],
    });
    const content = await fetch(`${sandbox.url}/_sandbox/object?bucket=the-bucket&key=a/b.log`);
    expect(await content.text()).toBe('<script>');
    expect(content.headers.get('content-type')).toBe('application/octet-stream');
    expect(content.headers.get('content-disposition')).toContain('attachment');
    expect((await fetch(`${sandbox.url}/_sandbox/object?bucket=the-bucket&key=no`)).status).toBe(
      404,
    );
  });

  test('deleting, forgetting, counting and the clock', async () => {
    await put('x');
    expect((await ask('GET', 'counters')).body).toMatchObject({
      logEvents: { accepted: 1 },
      memory: { droppedEvents: 0 },
    });
    await ask('DELETE', 'counters');
    expect((await ask('GET', 'counters')).body).toMatchObject({ logEvents: { accepted: 0 } });
    expect((await ask('GET', 'duplicates')).body).toEqual({ duplicateLogEvents: 0 });
    expect((await ask('GET', 'buckets')).body).toMatchObject({ buckets: [{ name: 'the-bucket' }] });
    expect((await ask('DELETE', 'sessions')).body).toEqual({ forgotten: 0 });
    expect((await ask('DELETE', `roles?arn=x`)).body).toEqual({ removed: false });
    expect((await ask('DELETE', `log-streams?${STREAM}`)).body).toEqual({ removed: true });
    expect(await refusalOf(put('x'))).toMatchObject({ code: 'ResourceNotFoundException' });
    expect(
      (await ask('DELETE', `log-groups?account=${ACCOUNT}&region=${REGION}&group=g`)).body,
    ).toEqual({ removed: true });
    expect((await ask('GET', 'log-groups')).body).toEqual({ logGroups: [] });
    expect((await ask('DELETE', 'buckets?name=the-bucket')).body).toEqual({ removed: true });
    expect((await ask('GET', 'identities')).body).toMatchObject({ accounts: [ACCOUNT] });
    await ask('PUT', 'clock', { offsetMs: 3_600_000 });
    expect(await refusalOf(put('x'))).toMatchObject({ code: 'InvalidSignatureException' });
  });

  test.each([
    ['GET', 'nothing', undefined, 404, 'There is no GET /_sandbox/nothing.'],
    ['POST', 'seed', { accounts: ['x'] }, 400, 'accounts.0: an account is 12 digits'],
    ['POST', 'faults', { action: { kind: 'nonsense' } }, 400, 'action.kind: '],
    ['PUT', 'clock', {}, 400, 'offsetMs: '],
    ['GET', 'log-events?account=1', undefined, 400, 'The query needs region.'],
    ['GET', `log-events?${STREAM}&count=x`, undefined, 400, 'count is not a number.'],
  ])('%s %s with %j is answered with %d', async (...row) => {
    const [method, path, body, httpStatus, message] = row;
    const answer = await ask(method, path, body);
    expect(answer.httpStatus).toBe(httpStatus);
    expect((answer.body as { error: string }).error).toContain(message);
  });

  test('a body that is no JSON, or too much, is refused', async () => {
    const post = (body: string) => fetch(`${sandbox.url}/_sandbox/seed`, { method: 'POST', body });
    expect((await post('{')).status).toBe(400);
    expect((await post('x'.repeat(16 * 1024 ** 2 + 1))).status).toBe(413);
  });
});

describe('who may ask', () => {
  const loopback = () => `127.0.0.1:${String(sandbox.port)}`;

  test.each([
    ['evil.example', {}],
    ['evil.example:4566', {}],
    ['127.0.0.1.evil.example', {}],
    ['localhost.evil.example', {}],
    ['localhost', { origin: 'http://evil.example' }],
    ['localhost', { origin: 'null' }],
    ['localhost:4566', { origin: 'http://localhost:8081' }],
    ['localhost', { 'sec-fetch-site': 'cross-site' }],
    ['localhost', { 'sec-fetch-site': 'same-site' }],
    ['localhost', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('a request for %s with %j does not get through', async (host, headers) => {
    const answer = await sendRaw({
      port: sandbox.port,
      method: 'POST',
      path: '/_sandbox/reset',
      headers: { host, ...headers },
    });
    expect(answer.httpStatus).toBe(403);
    expect(sandbox.identities().accounts).toEqual([ACCOUNT]);
  });

  test('a page under a name that was pointed at this machine does not get through either', async () => {
    const answer = await sendRaw({
      port: sandbox.port,
      headers: { host: 'evil.example', accept: 'text/html' },
    });
    expect(answer.httpStatus).toBe(403);
    expect(answer.text).toContain('http://localhost');
  });

  test('this machine’s own names do', async () => {
    for (const host of ['localhost', 'localhost:4566', '127.0.0.1', '127.1.2.3:80', '[::1]:4566']) {
      const answer = await sendRaw({
        port: sandbox.port,
        path: '/_sandbox/health',
        headers: { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
      });
      expect(answer.httpStatus).toBe(200);
    }
    const plain = await sendRaw({
      port: sandbox.port,
      path: '/_sandbox/health',
      headers: { host: loopback() },
    });
    expect(plain.text).toBe('{"status":"ok"}');
  });
});
