import { generatedLog, LOG_TYPES, UNDOCUMENTED_LOG_TYPES, USUAL_LOG_TYPES } from './generated-log';
import { Auth0Tenant } from './auth0-tenant';

const at = (seed: number): { domain: string; takenAtMs: number; seed: number } => ({
  domain: 'acme.eu.auth0.com',
  takenAtMs: Date.UTC(2026, 10, 21, 12),
  seed,
});

test('there are the 98 types that the extension knew and the 80 newer ones, and some that nobody documents', () => {
  expect(LOG_TYPES).toHaveLength(178);
  expect(new Set([...LOG_TYPES, ...UNDOCUMENTED_LOG_TYPES]).size).toBe(185);
  expect(USUAL_LOG_TYPES.filter((type) => !LOG_TYPES.includes(type))).toEqual([]);
});

test.each([...LOG_TYPES, ...UNDOCUMENTED_LOG_TYPES])('%s has what every log event has', (type) => {
  const log = generatedLog(type, at(1));
  expect(log).toMatchObject({
    type,
    date: expect.stringMatching(/^2026-11-21T11:59:59\.\d{3}Z$/) as string,
    description: expect.stringMatching(/./) as string,
    tenant_name: 'acme',
    environment_name: expect.any(String) as string,
    user_agent: expect.any(String) as string,
    is_mobile: expect.any(Boolean) as boolean,
  });
  // What is undefined would be lost on the wire, and the log event would be another than the one that was made.
  expect(JSON.parse(JSON.stringify(log))).toEqual(log);
});

test('the same seed makes the same log event, another one another', () => {
  expect(generatedLog('s', at(7))).toEqual(generatedLog('s', at(7)));
  expect(generatedLog('s', at(7))).not.toEqual(generatedLog('s', at(8)));
});

test('a type that nobody has heard of is made too', () => {
  expect(generatedLog('brand_new', at(1))).toMatchObject({
    type: 'brand_new',
    tenant_name: 'acme',
  });
});

test('a tenant is filled with log events that differ, in the order of their ids, the last of them now', () => {
  const nowMs = Date.UTC(2026, 10, 21, 12);
  const tenant = new Auth0Tenant({ domain: 'acme.eu.auth0.com' }, () => nowMs);
  const logs = tenant.fill(300, { everyMs: 0 });
  const ids = logs.map(({ log_id }) => log_id);
  expect(ids.every((id) => /^900\d{53}$/.test(id))).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(logs.map(({ user_name }) => user_name)).size).toBeGreaterThan(30);
  expect(tenant.log.all()).toEqual(logs);
});

test('the dates of a busy log are not in the order of its ids', () => {
  const tenant = new Auth0Tenant({ domain: 'acme.eu.auth0.com' }, () => Date.UTC(2026, 10, 21));
  const dates = tenant.fill(100, { everyMs: 1 }).map(({ date }) => date);
  expect([...dates].sort()).not.toEqual(dates);
});
