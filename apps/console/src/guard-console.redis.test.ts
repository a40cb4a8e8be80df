// Who may see what, asked over real connections of the whole console: the guard stands in front of Nest's routes, of the queue UI's and of
// what does not exist.
import { openQueues, patientRedis, type RedisClient } from '@logferry/queue';
import { Secret, type RunningApp } from '@logferry/runtime';
import { startRedis, until, withEnvironment, type TestRedis } from '@logferry/testing';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Login } from './login';
import { startConsole } from './main';

const PASSWORD = 'correct horse battery staple';

let server: TestRedis;
let redis: RedisClient;
let app: RunningApp;
let loggedIn: { cookie: string };

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  await until(() => redis.status === 'ready');
  app = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_CONSOLE_PORT: '0',
      LOGFERRY_CONSOLE_PASSWORD: PASSWORD,
      LOGFERRY_BROKER_SECRET: 'a-secret-of-many-chars',
    },
    startConsole,
  );
  await until(async () => (await ask('/health/ready')).status === 200);
  const login = new Login({ password: new Secret(PASSWORD), loginHours: 1 });
  loggedIn = { cookie: login.open(PASSWORD, 'here', false)?.split(';')[0] ?? '' };
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  await server.stop();
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Asks for exactly this path, as fetch would not. */
async function ask(
  path: string,
  headers: Record<string, string> = {},
  { method = 'GET', body = '' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: app.ports.http ?? 0, path, method, headers },
      (response) => {
        void text(response).then((answer) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
        );
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

const READS = [
  '/',
  '/?x=/login',
  '/batches/abc',
  '/queues',
  '/queues/',
  '/queues/api/queues',
  '/queues/api/queues?activeQueue=s3',
  '/queues/api/redis/stats',
  '/queues/api/queues/s3/metrics',
  '/queues/api/queues/s3/abc',
  '/queues/api/queues/s3/abc/logs',
  '/queues/queue/s3',
  '/queues/static/favicon.ico',
  '/queues/static/nothing.js',
  '/nothing',
  '/login/more',
  '/health',
  '/metrics/more',
  '/.env',
];

const ODD_SPELLINGS = [
  '/%71ueues/api/queues',
  '/queues/%61pi/queues',
  '/queues%2fapi%2fqueues',
  '//queues/api/queues',
  '/queues//api/queues',
  '/./queues/api/queues',
  '/login/../queues/api/queues',
  '/login/..%2fqueues/api/queues',
  '/login%2f..%2fqueues',
  '/login;/queues/api/queues',
  '/login?/../queues/api/queues',
  '/health/live/../../queues/api/queues',
  '/queues/static/../api/queues',
  '/queues/static/..%2f..%2fpackage.json',
  '/queues/api/queues/',
  '/QUEUES/api/queues',
  '/queues/api/queues;a=b',
  '/queues/api/queues%00',
  '/queues/api/queues#/login',
  'http://127.0.0.1/queues/api/queues',
  '/login/',
  '/LOGIN',
];

const WRITES: [string, string][] = [
  ['PUT', '/queues/api/queues/pause'],
  ['PUT', '/queues/api/queues/s3/pause'],
  ['PUT', '/queues/api/queues/s3/retry/failed'],
  ['PUT', '/queues/api/queues/s3/abc/retry'],
  ['PUT', '/queues/api/queues/s3/obliterate'],
  ['POST', '/queues/api/queues/s3/add'],
  ['PATCH', '/queues/api/queues/s3/abc/update-data'],
  ['POST', '/'],
  ['DELETE', '/batches/abc'],
  ['PUT', '/nothing'],
  ['OPTIONS', '/queues/api/queues'],
  ['HEAD', '/queues/api/queues'],
  ['GET', '/logout'],
];

test.each(READS)(
  'without the login, %s tells nothing, not even whether it exists',
  async (path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'console.login_needed' });
  },
);

test.each(ODD_SPELLINGS)('no other spelling gets around the login: %s', async (path) => {
  const answer = await ask(path);
  // The form itself may be asked for with a query.
  if (path.startsWith('/login?')) expect(answer.body).toContain('<form method="post"');
  else expect([400, 401]).toContain(answer.status);
  expect(answer.body).not.toMatch(/"queues"|counts|dependencies/);
});

test.each(WRITES)('without the login, %s %s does nothing', async (method, path) => {
  const answer = await ask(path, { 'content-type': 'application/json' }, { method, body: '{}' });
  expect(answer.status).toBe(401);
  const queues = openQueues(redis, 1);
  for (const { queue } of queues) {
    expect(await queue.isPaused()).toBe(false);
    expect(await queue.getJobCountByTypes()).toBe(0);
    await queue.close();
  }
});

test('what anybody may ask is the form, health, and metrics from this machine', async () => {
  for (const path of ['/login', '/health/live', '/health/ready', '/metrics'])
    expect((await ask(path)).status).toBe(200);
});

test('with the login, what is there is shown and what is not is 404', async () => {
  for (const path of ['/', '/queues', '/queues/api/queues', '/queues/static/favicon.ico'])
    expect((await ask(path, loggedIn)).status).toBe(200);
  for (const path of ['/nothing', '/batches/abc', '/queues/static/nothing.js'])
    expect((await ask(path, loggedIn)).status).toBe(404);
});

test('with the login too, no file outside of the queue UI is served', async () => {
  for (const path of [
    '/queues/static/..%2f..%2fpackage.json',
    '/queues/static/%2e%2e/%2e%2e/package.json',
    '/queues/static/../../package.json',
    '/queues/static//etc/passwd',
  ]) {
    const answer = await ask(path, loggedIn);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toMatch(/dependencies|root:/);
  }
});

test('a browser is led to the form, and back to where it wanted to go', async () => {
  const { status, headers } = await ask('/queues?page=2', { accept: 'text/html,*/*' });
  expect([status, headers.location]).toEqual([302, '/login?next=%2Fqueues%3Fpage%3D2']);
  const form = await ask(headers.location ?? '');
  expect(form.body).toContain('name="next" value="/queues?page=2"');
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const enter = (fields: Record<string, string>, headers = {}): Promise<Answer> =>
  ask(
    '/login',
    { ...form, ...headers },
    { method: 'POST', body: new URLSearchParams(fields).toString() },
  );

test('the right password opens a login that the console takes, and logging out ends it in the browser', async () => {
  const entered = await enter({ password: PASSWORD, next: '/queues' });
  expect([entered.status, entered.headers.location]).toEqual([303, '/queues']);
  const [cookie = ''] = entered.headers['set-cookie'] ?? [];
  const own = { cookie: cookie.split(';')[0] ?? '' };
  expect((await ask('/', own)).status).toBe(200);
  const left = await ask('/logout', own);
  expect([left.status, left.headers.location]).toEqual([303, '/login']);
  expect(left.headers['set-cookie']?.[0]).toMatch(/^logferry_login=; .*Max-Age=0/);
});

test('behind https the cookie is for https alone', async () => {
  const entered = await enter({ password: PASSWORD }, { 'x-forwarded-proto': 'https' });
  expect(entered.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
});

test.each([
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '\\\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  ' /queues',
  '/queues\r\nSet-Cookie: a=b',
  '/@evil.example',
  '/"><script>alert(1)</script>',
  '',
])('the login is no springboard: after it, next=%j leads home', async (next) => {
  expect((await enter({ password: PASSWORD, next })).headers.location).toBe('/');
  const { body } = await ask(`/login?next=${encodeURIComponent(next)}`);
  expect(body).toContain('name="next" value="/"');
  expect(body).not.toContain('<script');
});

test('two values for next are none', async () => {
  expect((await ask('/login?next=/queues&next=//evil.example')).body).toContain('value="/"');
});

test('a wrong password is 401 and opens nothing, and the page does not repeat it', async () => {
  const refused = await enter({ password: 'wrong-<b>password', next: '/queues' });
  expect(refused.status).toBe(401);
  expect(refused.headers['set-cookie']).toBeUndefined();
  expect(refused.body).toContain('That is not the password.');
  expect(refused.body).not.toContain('wrong-');
});

test.each<[string, string, string]>([
  ['no body', '', 'application/x-www-form-urlencoded'],
  ['JSON of another shape', '{"password":["x"]}', 'application/json'],
  ['a list', '[]', 'application/json'],
  ['null', 'null', 'application/json'],
])('%s instead of the form is a wrong password', async (_, body, type) => {
  const answer = await ask('/login', { 'content-type': type }, { method: 'POST', body });
  expect([400, 401]).toContain(answer.status);
});

test('a form that is too large is refused', async () => {
  expect((await enter({ password: 'x'.repeat(70_000) })).status).toBe(413);
});

test('a cookie in odd bytes is no login, and no fault of ours', async () => {
  const socket = connect(app.ports.http ?? 0, '127.0.0.1');
  const cookie = `logferry_login=1.${'\u00e9'.repeat(43)}`;
  socket.end(
    Buffer.from(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`,
      'latin1',
    ),
  );
  expect(await text(socket)).toMatch(/^HTTP\/1.1 401 /);
});

test('a script may use Basic authentication', async () => {
  const of = (credentials: string) => ({
    authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
  });
  expect((await ask('/queues/api/queues', of(`ops:${PASSWORD}`))).status).toBe(200);
  expect((await ask('/queues/api/queues', of('ops:wrong'))).status).toBe(401);
});

test.each(['https://evil.example', 'null', 'http://127.0.0.1:1', 'nonsense'])(
  'with the login, a request that changes something is refused if it comes from %s',
  async (origin) => {
    const path = '/queues/api/queues/s3/pause';
    const refused = await ask(path, { ...loggedIn, origin }, { method: 'PUT' });
    expect([refused.status, refused.body]).toEqual([
      403,
      expect.stringContaining('console.cross_site'),
    ]);
    expect((await ask('/login', { ...form, origin }, { method: 'POST' })).status).toBe(403);
    const own = { ...loggedIn, origin: `http://127.0.0.1:${app.ports.http}` };
    expect((await ask(path, own, { method: 'PUT' })).status).toBe(200);
    await ask('/queues/api/queues/s3/resume', own, { method: 'PUT' });
  },
);

test('no page may be framed, sniffed, kept or followed', async () => {
  for (const answer of [await ask('/', loggedIn), await ask('/login'), await ask('/nothing')])
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
});

test('guessing is slow: after ten wrong passwords the right one has to wait too', async () => {
  let status = 401;
  for (let i = 0; i < 11 && status !== 429; i++)
    status = (await enter({ password: 'wrong' })).status;
  expect(status).toBe(429);
  expect((await enter({ password: PASSWORD })).status).toBe(429);
  expect((await ask('/', loggedIn)).status).toBe(200);
});
