// The OpenAPI document: it speaks of all routes and of no others, its examples are taken, and answers are what it says that they are.
import { RunLease } from '@logferry/sources';
import { Failure } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { someVariables } from './api-examples';
import { apiOperations } from './api-operations';
import { ChannelsTestbed } from './channels.testbed';
import { ConsoleModule } from './console.module';
import { useConsoleTestbed } from './console.testbed';
import { openApiDocument } from './openapi-document';

const bed = useConsoleTestbed();
const channels = new ChannelsTestbed(bed);
beforeAll(() => channels.start());
afterAll(() => channels.stop());
const document = openApiDocument();

const LINES = ['first', 'second']
  .map((message) => JSON.stringify({ time: Date.now(), message }))
  .join('\n');

/** The routes of all controllers, as Nest knows them. */
function routes(): string[] {
  const controllers = Reflect.getMetadata('controllers', ConsoleModule) as {
    prototype: Record<string, object>;
  }[];
  const methods = ['get', 'post', 'put', 'delete'];
  return controllers.flatMap((controller) => {
    const base = String(Reflect.getMetadata('path', controller));
    return Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
      const handler = controller.prototype[name] as object;
      const paths = Reflect.getMetadata('path', handler) as string | string[] | undefined;
      if (name === 'constructor' || paths === undefined) return [];
      const method = methods[Reflect.getMetadata('method', handler) as number] ?? '';
      return [paths].flat().map((path) => {
        const whole = `/${base}/${path}`.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1');
        return `${method} ${whole.replaceAll(/:(\w+)/g, '{$1}')}`;
      });
    });
  });
}

test('it has every route of the API, and none that there is not', () => {
  const there = routes().filter((route) => route.includes(' /v1/'));
  expect(there.length).toBeGreaterThan(20);
  expect(new Set(apiOperations.map(({ method, path }) => `${method} ${path}`))).toEqual(
    new Set(there),
  );
});

test('its references lead somewhere, and its operations have names of their own', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(refs.length).toBeGreaterThan(20);
  for (const [, name = ''] of refs) expect(document.components.schemas).toHaveProperty(name);
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test('another reader of OpenAPI takes it, and would not take what is no such document', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  const bad = structuredClone(document);
  bad.paths['/v1/audit'] = { get: { responses: { 200: {} } } };
  expect((await new Validator().validate(bad)).valid).toBe(false);
});

test('no schema of an answer has a field for a secret, or for what stands for one', () => {
  const { DestinationView: view, Destination: body } = document.components.schemas;
  expect(JSON.stringify(body)).toContain('secretAccessKey');
  expect(JSON.stringify(view)).not.toMatch(/secretAccessKey|sealedSecret/);
  expect(JSON.stringify(view)).toContain('accessKeyId');
});

/** With what is referred to in its place. */
function whole(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(whole);
  if (typeof schema !== 'object' || schema === null) return schema;
  const name = (schema as { $ref?: string }).$ref?.split('/').at(-1);
  if (name !== undefined) return whole(document.components.schemas[name]);
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, whole(value)]));
}

/** What the document says of a body or an answer, as something that tells whether it is so. */
function judge(name: string): z.ZodType {
  return z.fromJSONSchema(whole(document.components.schemas[name]) as z.core.JSONSchema.JSONSchema);
}

test('its examples are what its schemas say, the console takes them, and answers as it says', async () => {
  const ids: Record<string, string> = {
    ...{ tenantId: 'acme', destinationId: 'logs', channelId: 'ops', sourceId: 'auth0' },
    runId: 'a-replay',
  };
  const feed = { tenantId: 'acme', sourceId: 'auth0', replayId: 'a-replay' };
  const lease = await RunLease.take(bed.redis, feed);
  const replay = { from: { timeMs: 0 }, to: { timeMs: 1 }, isMarked: false };
  const run = { id: 'a-replay', kind: 'replay', replay, atMs: Date.now() } as const;
  await lease?.begin(run, 'acme.eu.auth0.com');
  await lease?.log('warn', 'it goes on');
  for (const state of ['succeeded', 'failed'] as const) {
    const live = await RunLease.take(bed.redis, { ...feed, replayId: undefined });
    await live?.begin({ id: state, kind: 'now', atMs: Date.now() }, 'acme.eu.auth0.com');
    await live?.settle({ checkpoint: state }, { read: 1, accepted: 1 });
    const error = { code: 'source.fault', message: 'in words' } as const;
    const ended = state === 'failed' ? { state, error } : { state };
    await live?.end({ ...ended, warnings: ['late'], isCaughtUp: true, atMs: Date.now() });
  }
  const of = (...methods: string[]) =>
    apiOperations.filter(({ method }) => methods.includes(method));
  const configuration = (tag: string): boolean => !/dead|held/i.test(tag);
  // First all is made, then read, then deleted, the tenant last.
  const ordered = [...of('put', 'post').filter(({ path }) => path !== '/v1/keys/{keyId}')]
    .concat(of('put').filter(({ path }) => path === '/v1/keys/{keyId}'))
    .concat(of('get'))
    .concat(of('delete').reverse());
  const judged = new Set<string>();
  for (const {
    method,
    path,
    body,
    answer: [status, schema],
    tag,
  } of ordered) {
    if (!configuration(tag)) continue;
    const sent = body !== undefined && 'example' in body ? body : undefined;
    if (sent !== undefined)
      expect(judge(sent.schema).safeParse(sent.example).error).toBeUndefined();
    const answer = await bed.json<{ id?: string }>(
      path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? name),
      { method: method.toUpperCase(), ...(sent === undefined ? {} : { body: sent.example }) },
    );
    expect([method, path, answer.status]).toEqual([method, path, status]);
    if (path === '/v1/keys' && method === 'post') ids.keyId = answer.body.id ?? '';
    if (path.endsWith('/replays') && method === 'post') ids.replayId = answer.body.id ?? '';
    if (schema.includes('/')) continue;
    expect([path, judge(schema).safeParse(answer.body).error]).toEqual([path, undefined]);
    judged.add(schema);
  }
  expect(judged.size).toBeGreaterThan(20);
});

test('of each answer that is JSON it has a schema, but of policies and of itself', () => {
  const without = apiOperations.filter(({ answer }) => answer.includes('application/json'));
  expect(without.map(({ path }) => path.split('/').at(-1) ?? '').sort()).toEqual([
    'openapi.json',
    'policy',
    'policy',
  ]);
});

test('what is held and what is dead is told as it says, and so is what becomes of it', async () => {
  const derived = 'vars.env0-cloudwatch.tenant';
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  await bed.call('/v1/tenants/acme/variables', { method: 'PUT', body: someVariables });
  const [id = '', other = ''] = await bed.deadLetters(2, { destinationId: derived });
  bed.consume(() => Promise.reject(new Failure('cloudwatch.access_denied')));
  await bed.send(aCloudWatchLane({ destinationId: derived, lingerMs: 0 }), ['it waits']);
  const held = '/v1/held-destinations';
  await until(async () => !(await bed.call(held)).text.includes('[]'));
  const asked: [string, string, { body?: object | string; type?: string }?][] = [
    ['get', held],
    ['post', '/v1/tenants/{tenantId}/destinations/{destinationId}/suspend', {}],
    ['get', held],
    ['post', '/v1/tenants/{tenantId}/destinations/{destinationId}/resume', {}],
    ['get', '/v1/dead-letters'],
    ['get', '/v1/dead-letters/count'],
    ['get', '/v1/dead-letters/{id}'],
    ['put', '/v1/dead-letters/{id}/log-events', { type: 'application/x-ndjson', body: LINES }],
    ['post', '/v1/dead-letters/{id}/redrive'],
    ['post', '/v1/dead-letters/{other}/discard'],
    ['post', '/v1/dead-letters/redrive', { body: { filter: {} } }],
    ['post', '/v1/dead-letters/discard', { body: { filter: { tenant: 'globex' }, confirm: 0 } }],
  ];
  const names: Record<string, string> = { tenantId: 'acme', destinationId: derived, id, other };
  const judged = new Set<string>();
  for (const [method, path, sent] of asked) {
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? name);
    const { status, body } = await bed.json(address, { method: method.toUpperCase(), ...sent });
    const operation = apiOperations.find(
      (one) => one.method === method && one.path === path.replace('{other}', '{id}'),
    );
    const [expected, schema = ''] = operation?.answer ?? [];
    expect([path, status]).toEqual([path, expected]);
    expect([path, judge(schema).safeParse(body).error, body]).toEqual([path, undefined, body]);
    judged.add(`${method} ${operation?.path}`);
  }
  const ofJson = apiOperations.filter(
    ({ tag, answer: [, schema] }) => /dead|held/i.test(tag) && !schema.includes('/'),
  );
  expect(judged).toEqual(new Set(ofJson.map(({ method, path }) => `${method} ${path}`)));
});

test('what is wrong is answered as it says, too', async () => {
  const refused = await bed.json('/v1/tenants/acme', { method: 'PUT', body: { name: 5 } });
  expect(refused.status).toBe(422);
  expect(judge('Problem').safeParse(refused.body).error).toBeUndefined();
  expect(judge('Tenant').safeParse({ name: 5 }).success).toBe(false);
});

test('its page shows each address, loads nothing from anywhere, and is for whoever is logged in', async () => {
  const { text, status } = await bed.call('/docs');
  expect(status).toBe(200);
  for (const { path } of apiOperations) expect(text).toContain(path);
  expect(text).not.toMatch(/<script|<link|src=|https?:\/\/(?!json|ops\.acme\.com)/);
  expect((await bed.call('/docs', { headers: { authorization: '' } })).status).toBe(401);
  expect(JSON.parse((await bed.call('/v1/openapi.json')).text)).toMatchObject({ openapi: '3.1.0' });
});
