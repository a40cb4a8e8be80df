// Sources over HTTP: how they are made, changed, switched off and on, and deleted; and whose they are.
import { LeaseLost } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { aSource, at, PATH, SECRET, SOURCES, useSourcesTestbed } from './sources.testbed';

const sources = useSourcesTestbed();
const { ask, put, made, sealedNow, begun, ended, bed } = sources;

describe('a source', () => {
  test('is made with its secret sealed for it, and told without it', async () => {
    const { status, body } = await made();
    expect(status).toBe(201);
    expect(sources.broker.asked).toEqual([expect.objectContaining({ ...at, plainSecret: SECRET })]);
    for (const told of [body, (await ask('GET', PATH)).body]) {
      expect(told).toMatchObject({
        id: 'auth0',
        enabled: true,
        batchSize: 100,
        eventType: 'tenant',
      });
      expect(JSON.stringify(told)).not.toMatch(/secret|v1\.k1/i);
    }
    const trail = JSON.stringify((await ask('GET', '/v1/audit')).body);
    expect(trail).toContain('acme.eu.auth0.com');
    expect(trail).not.toMatch(/v1\.k1|the-secret/);
    expect(await bed.redis.hget('{lf}:sources:acme', 'auth0')).not.toContain(SECRET);
  });

  test('keeps its secret when something else is changed, and not for another client or domain', async () => {
    await made();
    const sealed = await sealedNow();
    expect((await put({ logLevel: 3 })).status).toBe(200);
    expect(await sealedNow()).toBe(sealed);
    for (const over of [{ clientId: 'another' }, { domain: 'globex.auth0.com' }]) {
      const { status, body } = await put(over);
      expect([status, body.problems?.[0]?.path]).toEqual([422, '$.clientSecret']);
    }
    expect((await put({ clientId: 'another', clientSecret: SECRET })).status).toBe(200);
    expect(await sealedNow()).not.toBe(sealed);
  });

  test('is changed by the version that was read, or not at all', async () => {
    const { body } = await made();
    const old = { 'if-match': `"${body.version}"` };
    expect((await put({ logLevel: 1 }, old)).status).toBe(200);
    expect(await put({ logLevel: 2 }, old)).toMatchObject({
      status: 412,
      body: { code: 'config.version_conflict' },
    });
    expect((await put({}, { 'if-none-match': '*' })).status).toBe(412);
    expect((await ask('DELETE', PATH, undefined, old)).status).toBe(412);
    expect((await ask('GET', PATH)).body.logLevel).toBe(1);
  });

  test.each([
    [{ domain: 'logs.attacker.example' }, '$.domain'],
    [{ domain: 'auth0.com' }, '$.domain'],
    [{ schedule: '61 * * * *' }, '$.schedule'],
    [{ timeZone: 'Europe/Atlantis' }, '$.timeZone'],
    [{ batchSize: 101 }, '$.batchSize'],
    [{ batchSize: 0 }, '$.batchSize'],
    [{ logLevel: 5 }, '$.logLevel'],
    [{ startFrom: 'a log' }, '$.startFrom'],
    [{ secret: 'x' }, '$.secret'],
  ])('%j is refused, by its field, and nothing is sealed', async (over, path) => {
    const { status, body } = await put({ clientSecret: SECRET, ...over });
    expect([status, body.problems?.map((problem) => problem.path)]).toEqual([422, [path]]);
    expect(sources.broker.asked).toEqual([]);
  });

  test('is one of twenty at most, of a tenant that there is', async () => {
    const store = new ConfigStore(bed.redis);
    await made();
    const one = await store.source('acme', 'auth0');
    if (one === undefined) throw new Error('it was made');
    for (let i = 1; i < 20; i++) await store.putSource('acme', { ...one, id: `s${i}` });
    expect((await put({ logLevel: 1 })).status).toBe(200);
    const more = await ask('PUT', `${SOURCES}/s20`, { ...aSource, clientSecret: SECRET });
    expect(more).toMatchObject({ status: 409, body: { code: 'config.too_many' } });
    const listed = (await ask('GET', `${SOURCES}?limit=2`)).body as unknown as {
      sources: { id: string }[];
      cursor: string;
    };
    expect(listed.sources.map(({ id }) => id)).toEqual(['auth0', 's1']);
    expect((await ask('GET', `${SOURCES}?cursor=${listed.cursor}`)).body.sources).toHaveLength(18);
    const nowhere = '/v1/tenants/initech/sources';
    expect((await ask('GET', nowhere)).status).toBe(404);
    expect(
      (await ask('PUT', `${nowhere}/auth0`, { ...aSource, clientSecret: SECRET })).status,
    ).toBe(404);
  });

  test('keeps its checkpoint and its runs when its schedule is changed', async () => {
    await made();
    await ended('one');
    const before = (await ask('GET', `${PATH}/status`)).body;
    expect((await put({ schedule: '0 0 * * * *', timeZone: 'Europe/Berlin' })).status).toBe(200);
    const { body } = await ask('GET', `${PATH}/status`);
    expect(body).toEqual(before);
    expect(body).toMatchObject({ checkpoint: 'one-last', lastRun: { id: 'one' } });
  });

  test('is switched off and on, and keeps everything else', async () => {
    await made();
    const sealed = await sealedNow();
    const off = await ask('POST', `${PATH}/pause`);
    expect(off).toMatchObject({ status: 200, body: { enabled: false, clientId: 'a-client' } });
    expect(await ask('POST', `${PATH}/run`)).toMatchObject({
      status: 409,
      body: { code: 'source.paused' },
    });
    expect(await ask('POST', `${PATH}/replay`, { from: { after: '1' } })).toMatchObject({
      body: { code: 'source.paused' },
    });
    const old = { 'if-match': `"${off.body.version - 1}"` };
    expect((await ask('POST', `${PATH}/resume`, undefined, old)).status).toBe(412);
    expect(await ask('POST', `${PATH}/resume`)).toMatchObject({ body: { enabled: true } });
    expect(await sealedNow()).toBe(sealed);
    expect((await ask('POST', `${SOURCES}/nope/pause`)).status).toBe(404);
  });

  test('goes with its checkpoint and its runs, and with its tenant', async () => {
    await made();
    await ended('one');
    expect((await ask('DELETE', PATH)).body).toEqual({ id: 'auth0', outcome: 'deleted' });
    expect((await ask('GET', PATH)).status).toBe(404);
    // Whoever had its lease has lost it, and a poller that has not heard of it yet begins nothing: for two seconds.
    const lock = '{lf}:source:acme:auth0:live:lock';
    expect([[], [lock]]).toContainEqual(await bed.redis.keys('{lf}:source:*'));
    await bed.redis.del(lock);
    await made();
    await ended('two', true);
    const run = await begun('three');
    await run.log('info', 'a line');
    expect((await ask('DELETE', '/v1/tenants/acme')).status).toBe(200);
    expect(await bed.redis.exists('{lf}:sources:acme')).toBe(0);
    await expect(run.settle({ checkpoint: '9' }, { read: 1 })).rejects.toBeInstanceOf(LeaseLost);
    expect([[], [lock]]).toContainEqual(await bed.redis.keys('{lf}:source:*'));
  });

  test('that cannot be read is told as such, and may be written anew', async () => {
    await bed.redis.hset('{lf}:sources:acme', 'auth0', '{"of":"another version"}');
    expect((await ask('GET', PATH)).body).toMatchObject({ id: 'auth0', unreadable: true });
    expect(await ask('POST', `${PATH}/pause`)).toMatchObject({
      status: 409,
      body: { code: 'config.unreadable' },
    });
    expect((await ask('GET', `${PATH}/status`)).status).toBe(409);
    expect((await made()).status).toBe(200);
  });

  test('needs a broker only for a secret', async () => {
    await made();
    const alone = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: '1' });
    const body = { ...aSource, clientSecret: SECRET };
    expect(await bed.json(PATH, { method: 'PUT', to: alone, body })).toMatchObject({
      status: 503,
      body: { code: 'console.broker_unavailable' },
    });
    const without = await bed.json(PATH, { method: 'PUT', to: alone, body: aSource });
    expect(without.status).toBe(200);
    await alone.close();
  });
});

test("another tenant's key sees and changes nothing of it, and a key that reads changes nothing", async () => {
  await made();
  await ended('one');
  const keyOf = async (tenant: string, scopes: string[]): Promise<Record<string, string>> => {
    const body = { name: 'k', tenant, scopes };
    const minted = await ask('POST', '/v1/keys', body);
    return { authorization: `Bearer ${String(minted.body.key)}` };
  };
  const [own, others, reader] = [
    await keyOf('acme', ['admin']),
    await keyOf('globex', ['admin']),
    await keyOf('acme', ['read']),
  ];
  const routes = [
    ['GET', SOURCES],
    ['GET', PATH],
    ['PUT', PATH, { ...aSource, logLevel: 4 }],
    ['POST', `${PATH}/pause`],
    ['POST', `${PATH}/resume`],
    ['GET', `${PATH}/status`],
    ['PUT', `${PATH}/checkpoint`, { after: '1' }],
    ['POST', `${PATH}/run`],
    ['POST', `${PATH}/replay`, { from: { after: '1' } }],
    ['GET', `${PATH}/runs`],
    ['GET', `${PATH}/runs/one`],
    ['GET', `${PATH}/runs/one/log`],
    ['POST', `${PATH}/runs/one/cancel`],
    ['GET', `${PATH}/api/report`],
    ['DELETE', PATH],
  ] as const;
  const before = await bed.redis.hget('{lf}:sources:acme', 'auth0');
  for (const [method, path, body] of routes) {
    expect([path, (await ask(method, path, body, others)).status]).toEqual([path, 404]);
    const read = (await ask(method, path, body, reader)).status;
    expect([method, path, read]).toEqual([method, path, method === 'GET' ? 200 : 403]);
    const shows = await bed.json(path, {
      method,
      to: bed.readOnlyApp,
      ...(body === undefined ? {} : { body }),
    });
    expect([method, path, shows.status]).toEqual([method, path, method === 'GET' ? 200 : 405]);
  }
  expect(await bed.redis.hget('{lf}:sources:acme', 'auth0')).toBe(before);
  expect((await ask('POST', `${PATH}/pause`, undefined, own)).status).toBe(200);
  // The same id under another tenant is another source.
  expect((await ask('GET', '/v1/tenants/globex/sources/auth0')).status).toBe(404);
});
