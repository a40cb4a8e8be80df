// The life of a process, seen from outside. Which process it is does not matter; ingest runs without Redis too.
import { startBuiltApp, until, type BuiltApp } from '@logferry/testing';
import { createServer, type AddressInfo } from 'node:net';

const apps: BuiltApp[] = [];

function startIngest(environment: Record<string, string> = {}): BuiltApp {
  const app = startBuiltApp('ingest', {
    REDIS_URL: 'redis://127.0.0.1:1',
    LOGFERRY_INGEST_PORT: '0',
    ...environment,
  });
  apps.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()));
});

test('a process tells its parent where it listens, and stops with 0 when it is asked to', async () => {
  const app = startIngest();
  const { http } = await app.ready;
  expect((await fetch(`http://127.0.0.1:${http}/health/live`)).status).toBe(200);
  app.signal('SIGTERM');
  const { code, output } = await app.ended;
  expect(code).toBe(0);
  expect(output).toMatch(/"why":"SIGTERM".*"msg":"stopping"[^]*"msg":"stopped"/);
});

test('Ctrl-C twice is one stop', async () => {
  const app = startIngest();
  await app.ready;
  app.signal('SIGINT');
  app.signal('SIGINT');
  const { code, output } = await app.ended;
  expect(code).toBe(0);
  expect(output.match(/"msg":"stopping"/g)).toHaveLength(1);
});

test('a port that is taken is one sentence and exit code 1', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { code, complaints } = await startIngest({ LOGFERRY_INGEST_PORT: String(port) }).ended;
  server.close();
  expect(code).toBe(1);
  expect(complaints).toBe(
    `Port ${port} is taken: stop what listens there, or choose another port.\n`,
  );
});

test('a configuration that is not usable is told whole, without a stack, and is exit code 1', async () => {
  const { code, output } = await startIngest({
    LOGFERRY_INGEST_PORT: 'eighty',
    LOGFERRY_INGEST_PROT: '80',
    LOGFERRY_INGEST_PLATFORM_KEY: 'too-short',
  }).ended;
  expect(code).toBe(1);
  expect(output).toBe(
    [
      'The configuration is not usable:',
      '  - LOGFERRY_INGEST_PROT is not a setting of this process',
      '  - LOGFERRY_INGEST_PORT is "eighty"; it must be a whole number from 0 to 65535',
      '  - LOGFERRY_INGEST_PLATFORM_KEY is [secret]; it must have at least 16 characters',
      '',
    ].join('\n'),
  );
});

test('a process whose parent is gone stops by itself', async () => {
  const app = startIngest();
  await app.ready;
  app.disconnect();
  const { code, output } = await app.ended;
  expect(code).toBe(0);
  expect(output).toContain('the parent is gone');
});

test('a process stops although nobody reads its log any more', async () => {
  const app = startIngest({ LOGFERRY_LOG_LEVEL: 'trace' });
  const { http } = await app.ready;
  app.closeOutput();
  await until(async () => (await fetch(`http://127.0.0.1:${http}/nowhere`)).status === 404);
  app.signal('SIGTERM');
  expect(await app.ended).toMatchObject({ code: 0, signal: null });
});

test('a request under way is answered before the process stops', async () => {
  const app = startIngest();
  const { http } = await app.ready;
  const url = `http://127.0.0.1:${http}/health/ready`;
  const answers = Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).status));
  await fetch(url);
  app.signal('SIGTERM');
  expect(new Set(await answers)).toEqual(new Set([503]));
  expect((await app.ended).code).toBe(0);
});
