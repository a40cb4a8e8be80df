// Switching the forwarding of the audit trail on, and what a console has to be told for it.
import { ConfigError, Secret, type RunningApp } from '@logferry/runtime';
import { ingestOf } from './audit-forwarding-parts';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

const INGEST = {
  LOGFERRY_CONSOLE_INGEST_URL: 'http://127.0.0.1:9',
  LOGFERRY_CONSOLE_INGEST_KEY: 'a-key-of-the-platform',
};

const put = (body: object, to?: RunningApp) =>
  bed.json<{ code?: string; version: number; forwardAuditTrail?: boolean }>('/v1/tenants/acme', {
    method: 'PUT',
    body,
    ...(to === undefined ? {} : { to }),
  });

test('is refused where nobody has said where ingest is; what is switched on already may be written as it was', async () => {
  expect(await put({ forwardAuditTrail: true })).toMatchObject({
    status: 409,
    body: { code: 'console.audit_forwarding_unavailable' },
  });
  expect((await put({ forwardAuditTrail: false })).status).toBe(201);
  expect((await put({ forwardAuditTrail: true })).status).toBe(409);
  const forwarding = await bed.startApp(INGEST);
  try {
    const on = await put({ forwardAuditTrail: true }, forwarding);
    expect(on).toMatchObject({ status: 200, body: { forwardAuditTrail: true } });
    expect(await put({ ...on.body, name: 'Acme' })).toMatchObject({ status: 200 });
    expect((await put({ name: 'Acme' })).status).toBe(200);
    expect((await put({ forwardAuditTrail: true })).status).toBe(409);
    const { text } = await bed.call('/metrics', { to: forwarding });
    // On, named anew, off: nobody answers at the address above.
    expect(text).toMatch(/audit_forwarding_entries\{state="waiting",app="console"\} 3/);
  } finally {
    await forwarding.close();
  }
});

const [ingestUrl, ingestKey] = ['http://ingest:8080', new Secret('a-key-of-the-platform')];

test.each([
  ['an address without a key', { ingestUrl, ingestKey: undefined }],
  ['a key without an address', { ingestUrl: undefined, ingestKey }],
  ['an address that is none', { ingestUrl: 'ingest:8080', ingestKey }],
])('a console does not start with %s', (_, settings) => {
  expect(() => ingestOf(settings)).toThrow(ConfigError);
  expect(() => ingestOf(settings)).toThrow('LOGFERRY_CONSOLE_INGEST_URL');
});
