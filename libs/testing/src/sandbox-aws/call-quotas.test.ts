// Goal: what AWS lets an account create in a second, and no more. Method: the count alone, and the real SDK. Doubles: the clock.
import { CallQuotas } from './call-quotas';
import { ACCOUNT, ADMIN, OTHER_ACCOUNT, REGION, startWorld } from './fixtures';
import { logs, logsClient } from './sdk-clients';

test.each([
  ['CreateLogGroup', 10],
  ['CreateLogStream', 50],
  ['PutRetentionPolicy', 5],
])('%s is taken %d times in any second, for each account and Region', (operation, quota) => {
  let nowMs = 0;
  const quotas = new CallQuotas(() => nowMs);
  const call = { account: ACCOUNT, region: REGION, operation };
  const ask = (over: object = {}): boolean => {
    try {
      quotas.require({ ...call, ...over });
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ThrottlingException' });
      return false;
    }
  };
  const taken = (asked: number): number =>
    Array.from({ length: asked }, () => ask()).filter(Boolean).length;
  expect(taken(1)).toBe(1);
  nowMs = 500;
  expect(taken(quota + 5)).toBe(quota - 1);
  expect([ask({ account: OTHER_ACCOUNT }), ask({ region: 'us-east-1' })]).toEqual([true, true]);
  nowMs = 999;
  expect(ask()).toBe(false);
  nowMs = 1_000;
  expect(taken(5)).toBe(1);
});

test('a call too many is throttled and changes nothing; other operations have no quota', async () => {
  const strict = await startWorld({ hasQuotas: true });
  const by = logsClient({ endpoint: strict.url, credentials: ADMIN });
  const groups = [...Array(60).keys()].map((n) =>
    by.send(new logs.CreateLogGroupCommand({ logGroupName: `g${String(n)}` })),
  );
  const outcomes = await Promise.allSettled(groups);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]).toMatchObject({ reason: { name: 'ThrottlingException' } });
  expect(strict.logGroups()).toHaveLength(groups.length - refused.length);
  const described = [...Array(60).keys()].map(() => by.send(new logs.DescribeLogGroupsCommand({})));
  await Promise.all(described);
  by.destroy();
  await strict.stop();
});
