// What is thrown behind a real server, and what its sender is told.
import 'reflect-metadata';
import { BadRequestException, Controller, Get, Header, Module, Param, Post } from '@nestjs/common';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { startHttpApp } from './http-app';
import { RequestProblem } from './request-problem';
import type { RunningApp } from './run-app';

const SECRET = 'postgres://ferry:horse@db';

const thrown: Record<string, () => never> = {
  problem: () => {
    throw new RequestProblem(429, 'ferry.full', 'the ferry is full', { 'retry-after': '5' });
  },
  nest: () => {
    throw new BadRequestException(`a wrong word: ${SECRET}`);
  },
  fault: () => {
    throw new TypeError(`cannot read ${SECRET}`);
  },
  text: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a library may
    throw SECRET;
  },
  // A dependency's error may carry a status of its own; it is not the sender's doing.
  upstream: () => {
    throw Object.assign(new Error(`upstream of ${SECRET}`), { statusCode: 502 });
  },
};

@Controller()
class Thrower {
  @Get('/throw/:what')
  throw(@Param('what') what: string): string {
    return thrown[what]?.() ?? 'fine';
  }

  @Get('/page')
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    throw new RequestProblem(404, 'page.unknown', 'there is no such page');
  }

  @Post('/body')
  body(): string {
    return 'taken';
  }
}

@Module({ controllers: [Thrower] })
class ThrowerModule {}

const lines: string[] = [];
const log = pino(
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  }),
);

let app: RunningApp;
let url: string;

beforeAll(async () => {
  app = await startHttpApp(ThrowerModule, (nest) => ({
    log,
    host: '127.0.0.1',
    port: 0,
    shutdownDeadlineMs: 0,
    prepare: () => {
      const server = nest.getHttpAdapter().getInstance();
      server.removeAllContentTypeParsers();
      server.addContentTypeParser(
        'application/json',
        { parseAs: 'buffer', bodyLimit: 10 },
        (_request: unknown, body: unknown, done: (error: null, body: unknown) => void) =>
          done(null, body),
      );
    },
  }));
  url = `http://127.0.0.1:${app.ports.http}`;
});

beforeEach(() => {
  lines.length = 0;
});

afterAll(async () => {
  await app.close();
});

interface Problem {
  code: string;
  message: string;
  requestId: string;
}

async function get(path: string): Promise<{ status: number; body: Problem; headers: Headers }> {
  const answer = await fetch(url + path);
  return { status: answer.status, body: (await answer.json()) as Problem, headers: answer.headers };
}

test('a problem says its code, its words, its headers, and the id of the request', async () => {
  const { status, body, headers } = await get('/throw/problem');
  expect(status).toBe(429);
  expect(body).toEqual({
    code: 'ferry.full',
    message: 'the ferry is full',
    requestId: expect.stringMatching(/^[\w-]{10,}$/) as string,
  });
  expect(headers.get('retry-after')).toBe('5');
  expect(lines).toEqual([]);
});

test('a problem of a page is a problem like any other', async () => {
  const { status, body, headers } = await get('/page');
  expect([status, body.code]).toEqual([404, 'page.unknown']);
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
});

test.each(['fault', 'text', 'upstream'])(
  'what nobody foresaw (%s) is a 500 that tells its sender nothing, and the log everything',
  async (what) => {
    const { status, body } = await get(`/throw/${what}`);
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'internal', message: 'something went wrong on our side' });
    expect(JSON.stringify(body)).not.toContain('horse');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ requestId: body.requestId, level: 50 });
    expect(lines[0]).toContain('horse');
  },
);

test("Nest's own refusals keep their status and lose their words, which may quote the request", async () => {
  const { status, body } = await get('/throw/nest');
  expect(status).toBe(400);
  expect(body.code).toBe('request.malformed');
  expect(JSON.stringify(body)).not.toContain('horse');
});

async function post(body: string, headers: Record<string, string>): Promise<[number, Problem]> {
  const answer = await fetch(`${url}/body`, { method: 'POST', body, headers });
  return [answer.status, (await answer.json()) as Problem];
}

test("Fastify's own refusals keep their status: too large, of a wrong type, not an address", async () => {
  const json = { 'content-type': 'application/json' };
  expect(await post('x'.repeat(11), json)).toMatchObject([413, { code: 'request.too_large' }]);
  expect(await post('x', { 'content-type': 'text/csv' })).toMatchObject([
    415,
    { code: 'request.unsupported_media_type' },
  ]);
  expect(await get('/throw/%zz')).toMatchObject({
    status: 400,
    body: { code: 'request.malformed' },
  });
  expect(await get('/nowhere')).toMatchObject({
    status: 404,
    body: { code: 'request.not_found', message: 'there is nothing here' },
  });
  expect(lines).toEqual([]);
});

test('a parameter of the address may have 128 characters and not 129', async () => {
  expect((await fetch(`${url}/throw/${'x'.repeat(128)}`)).status).toBe(200);
  expect((await get(`/throw/${'x'.repeat(129)}`)).status).toBeGreaterThanOrEqual(400);
});

test('every request has an id of its own, and nobody can choose it', async () => {
  const ids = [await get('/throw/problem'), await get('/nowhere')].map(
    ({ body }) => body.requestId,
  );
  const chosen = await fetch(`${url}/nowhere`, { headers: { 'request-id': 'mine' } });
  ids.push(((await chosen.json()) as Problem).requestId);
  expect(new Set(ids).size).toBe(3);
  expect(ids).not.toContain('mine');
});

test('what is not HTTP is refused, and the server goes on', async () => {
  const socket = connect(app.ports.http ?? 0, '127.0.0.1');
  socket.end('SMUGGLE\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 Bad Request/);
  expect((await get('/throw/problem')).status).toBe(429);
});
