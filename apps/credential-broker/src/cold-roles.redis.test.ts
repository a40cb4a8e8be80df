// Many roles that nobody has a session of yet, asked for by several workers at the same moment: as after a restart of everything.
import { Destination } from '@logferry/core';
import { tenantTrustPolicy } from '@logferry/testing';
import { setTimeout as wait } from 'node:timers/promises';
import { ACCOUNT, REGION, useBrokerTestbed } from './broker.testbed';

const ROLES = 300;
const TENANTS = 30;
const WORKERS = 3;
const AT_ONCE_MAX = 8;

const tenantOf = (role: number): string => `tenant-${role % TENANTS}`;
const arnOf = (role: number): string => `arn:aws:iam::${ACCOUNT}:role/cold-${role}`;
const roles = Array.from({ length: ROLES }, (_, role) => role);

const bed = useBrokerTestbed({
  tenants: Array.from({ length: TENANTS }, (_, i) => tenantOf(i)),
  environment: {
    LOGFERRY_BROKER_STS_CONCURRENCY: String(AT_ONCE_MAX),
    LOGFERRY_BROKER_STS_CALLS_PER_SECOND: '150',
  },
});

const destinations = roles.map((role) =>
  Destination.parse({
    id: `s3-${role}`,
    type: 's3',
    region: REGION,
    credentials: { kind: 'web_identity', roleArn: arnOf(role) },
    s3: { bucket: 'acme-logs' },
  }),
);

beforeAll(async () => {
  for (const [role, destination] of destinations.entries())
    await bed.store.putDestination(tenantOf(role), destination);
});

beforeEach(() => {
  bed.aws.seed({
    accounts: [ACCOUNT],
    oidcProviders: [{ account: ACCOUNT, url: bed.url }],
    roles: roles.map((role) => ({
      arn: arnOf(role),
      trustPolicy: tenantTrustPolicy(ACCOUNT, bed.url, tenantOf(role)),
    })),
  });
});

test('each is one call of STS however many workers ask, never more at once than may be, and in its time', async () => {
  // Otherwise they would be over before others begin.
  bed.aws.addFault({ match: { service: 'sts' }, action: { kind: 'latency', forMs: 20 } });
  const beganAt = performance.now();
  const byWorker = await Promise.all(
    Array.from({ length: WORKERS }, () => {
      const client = bed.client();
      return Promise.all(
        destinations.map(async (destination, role) => {
          for (;;) {
            try {
              return await client.session(tenantOf(role), destination);
            } catch (error) {
              const { code, retryAfterMs = 1_000 } = error as {
                code: string;
                retryAfterMs?: number;
              };
              expect(code).toBe('credential.rationed');
              await wait(retryAfterMs);
            }
          }
        }),
      );
    }),
  );
  const tookMs = performance.now() - beganAt;
  const [first = [], ...others] = byWorker.map((sessions) =>
    sessions.map(({ accessKeyId }) => accessKeyId),
  );
  expect(new Set(first).size).toBe(ROLES);
  for (const other of others) expect(other).toEqual(first);
  const calls = bed.aws.counters().calls['sts:AssumeRoleWithWebIdentity'];
  expect(calls).toMatchObject({ calls: ROLES, errors: {} });
  expect(calls?.mostAtOnce).toBeLessThanOrEqual(AT_ONCE_MAX);
  expect(calls?.mostAtOnce).toBeGreaterThan(1);
  // 150 a second, and a tenth of a second's at once.
  expect(tookMs).toBeGreaterThan(((ROLES - 15) / 150) * 1_000 - 50);
}, 60_000);
