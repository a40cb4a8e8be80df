import { until } from '@logferry/testing';
import { TenantBacklog } from './tenant-backlog';

test('a tenant is full from when it is said to be, until all shards have room for it again', async () => {
  const bytes = { shard0: 2_000, shard1: 0 };
  let asked = 0;
  const backlog = new TenantBacklog(
    [
      { tenantBytes: () => Promise.resolve(bytes.shard0) },
      {
        tenantBytes: () => {
          asked++;
          return asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve(bytes.shard1);
        },
      },
    ],
    () => 1_000,
  );
  try {
    expect(backlog.isFull('acme')).toBe(false);
    backlog.noteFull('acme');
    expect([backlog.isFull('acme'), backlog.isFull('globex')]).toEqual([true, false]);
    bytes.shard0 = 901; // below its share, and not yet well below
    await until(() => asked === 3);
    expect(backlog.isFull('acme')).toBe(true);
    bytes.shard0 = 900;
    await until(() => !backlog.isFull('acme'));
    const askedSoFar = asked;
    backlog.noteFull('globex');
    await until(() => asked > askedSoFar);
    expect(backlog.isFull('acme')).toBe(false);
  } finally {
    backlog.stop();
  }
});
