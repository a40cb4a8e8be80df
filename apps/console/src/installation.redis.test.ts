// What runs here, for whoever looks after the installation: no tenant's business.
import { VERSION } from '@logferry/runtime';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

const keyed = async (body: object) => {
  const { body: made } = await bed.json<{ key: string }>('/v1/keys', { method: 'POST', body });
  return { headers: { authorization: `Bearer ${made.key}` } };
};

test('the versions are told to a key of the platform', async () => {
  const info = await bed.redis.info('server');
  const [, redis] = /^redis_version:(\S+)/m.exec(info) ?? [];
  const reader = await keyed({ name: 'ops', scopes: ['read'] });
  expect(await bed.json('/v1/installation', reader)).toEqual({
    status: 200,
    body: { version: VERSION, node: process.versions.node, redis: [redis] },
  });
});

test("and not to a tenant's, or to one that only sends", async () => {
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  const own = await keyed({ name: 'own', tenant: 'acme', scopes: ['admin'] });
  expect(await bed.json('/v1/installation', own)).toMatchObject({
    status: 404,
    body: { code: 'request.not_found' },
  });
  const sender = await keyed({ name: 'sender', scopes: ['send'] });
  expect((await bed.call('/v1/installation', sender)).status).toBe(403);
});
