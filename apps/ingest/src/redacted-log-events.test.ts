// What destinations filter and redact, in what is stored for them.
import { Secret } from '@logferry/runtime';
import { accept, cloudWatch, NotingAppender, s3, tenant } from './accept-log-events.testbed';
import { keyedHash } from './keyed-hash';
import { Router } from './router';

test('what a destination redacts is in nothing that is stored for it, its names included, and the others have it', async () => {
  const noting = new NotingAppender();
  const redact = [
    { field: 'attributes.user', action: 'hash' },
    { field: 'message.password', action: 'drop' },
    { pattern: 'email', action: 'mask' },
  ];
  const names = { logGroup: 'g-{attributes.user}', logStream: 'stream' };
  const record = tenant(
    'acme',
    cloudWatch('cw', { redact, format: 'event', cloudwatch: names }),
    s3('s3'),
  );
  const key = new Secret('a key of 16 characters');
  const body = [
    { message: { password: 'hunter2', by: 'ann@example.com' }, attributes: { user: 'ann' } },
  ];
  const router = new Router({ hashOf: (tenantId) => keyedHash(key, tenantId) });
  const { verdict } = await accept({ record, body, router, appenders: [noting] });
  expect(verdict.accepted).toBe(1);
  const hashed = keyedHash(key, 'acme')('ann');
  expect(hashed).toMatch(/^hmac-[0-9a-f]{32}$/);
  const { [`acme/cw g-${hashed}`]: redacted, 'acme/s3 audit': whole } = noting.texts;
  expect(Object.keys(noting.texts)).toHaveLength(2);
  expect(JSON.parse((JSON.parse(redacted?.[0] ?? '') as { message: string }).message)).toEqual({
    time: '2026-11-21T10:48:00.000Z',
    type: 'audit',
    attributes: { user: hashed },
    message: { by: '***' },
  });
  expect(JSON.parse(whole?.[0] ?? '')).toMatchObject(body[0] ?? {});
});

test('a hash is of one key and of one tenant', () => {
  const of = (key: string, tenantId: string) => keyedHash(new Secret(key), tenantId)('ann');
  const one = of('a key of 16 characters', 'acme');
  expect(of('a key of 16 characters', 'acme')).toBe(one);
  expect(of('a key of 16 characters', 'globex')).not.toBe(one);
  expect(of('another of 16 characters', 'acme')).not.toBe(one);
});

test('where hashes are asked for and there is no key, somebody is told, once, and values are masked', async () => {
  const noting = new NotingAppender();
  const told: string[] = [];
  const router = new Router({ onNoKey: (...whose) => told.push(whose.join('/')) });
  const redact = [{ field: 'attributes.user', action: 'hash' }];
  const record = tenant('acme', s3('s3', { redact }), s3('other'));
  const event = { message: 'm', attributes: { user: 'ann' } };
  await accept({ record, body: [event, event], router, appenders: [noting] });
  expect(told).toEqual(['acme/s3']);
  expect(noting.texts['acme/s3 audit']?.join()).not.toContain('ann');
});

test('what a filter samples out is counted as filtered', async () => {
  const noting = new NotingAppender();
  const record = tenant('acme', s3('s3', { filter: { sample: 0.5 } }));
  const body = Array.from({ length: 1_000 }, (_, i) => ({ id: `event-${i}`, message: 'm' }));
  const { verdict } = await accept({ record, body, appenders: [noting] });
  const stored = noting.texts['acme/s3 audit']?.length ?? 0;
  expect(verdict.accepted).toBe(1_000);
  expect(verdict.filtered).toBe(1_000 - stored);
  expect(noting.filtered).toEqual({ acme: 1_000 - stored });
  expect(stored).toBeGreaterThan(430);
  expect(stored).toBeLessThan(570);
});
