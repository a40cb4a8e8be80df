import { until } from '@logferry/testing';
import { GroupCommit, TooMuchPending } from './group-commit';

/** Commits that end when the test says so. */
class HeldCommits {
  readonly groups: number[][] = [];
  private readonly ends: (() => void)[] = [];

  readonly commit = (group: number[]): Promise<() => void> => {
    this.groups.push(group);
    return new Promise((resolve) => this.ends.push(() => resolve(() => undefined)));
  };

  endOldest(): void {
    this.ends.shift()?.();
  }
}

const bounds = { lingerMs: 1, groupBytesMax: 100, pendingBytesMax: 250, concurrency: 1 };

test('what arrives within the linger is committed together, in order', async () => {
  const groups: number[][] = [];
  const commits = new GroupCommit<number>({
    ...bounds,
    commit: (group) => {
      groups.push(group);
      return Promise.resolve(() => undefined);
    },
  });
  await Promise.all([1, 2, 3].map((item) => commits.add(item, 10)));
  expect(groups).toEqual([[1, 2, 3]]);
});

test('while a commit is under way the next group gathers', async () => {
  const held = new HeldCommits();
  const commits = new GroupCommit<number>({ ...bounds, commit: held.commit });
  const first = commits.add(1, 10);
  await until(() => held.groups.length === 1);
  const rest = [commits.add(2, 10), commits.add(3, 10)];
  held.endOldest();
  await first;
  await until(() => held.groups.length === 2);
  held.endOldest();
  await Promise.all(rest);
  expect(held.groups).toEqual([[1], [2, 3]]);
});

test('a group ends at its bytes, but an item is never split or refused for its size alone', async () => {
  const held = new HeldCommits();
  const commits = new GroupCommit<number>({ ...bounds, commit: held.commit });
  const all = [commits.add(1, 60), commits.add(2, 60), commits.add(3, 130)];
  for (let group = 1; group <= 3; group++) {
    await until(() => held.groups.length === group);
    held.endOldest();
  }
  await Promise.all(all);
  expect(held.groups).toEqual([[1], [2], [3]]);
  const large = commits.add(4, 100_000);
  await until(() => held.groups.length === 4);
  held.endOldest();
  await expect(large).resolves.toBeUndefined();
});

test('above the bound nothing more is taken, and once there is room it is', async () => {
  const held = new HeldCommits();
  const commits = new GroupCommit<number>({ ...bounds, commit: held.commit });
  const first = commits.add(1, 200);
  await expect(commits.add(2, 51)).rejects.toBeInstanceOf(TooMuchPending);
  await until(() => held.groups.length === 1);
  held.endOldest();
  await first;
  const second = commits.add(2, 51);
  await until(() => held.groups.length === 2);
  held.endOldest();
  await expect(second).resolves.toBeUndefined();
});

test('a failed commit fails those that were in it and nobody else', async () => {
  const commits = new GroupCommit<number>({
    ...bounds,
    commit: (group) =>
      group.includes(1)
        ? Promise.reject(new Error('Redis is away'))
        : Promise.resolve(() => undefined),
  });
  const first = commits.add(1, 100);
  const second = commits.add(2, 10);
  await expect(first).rejects.toThrow('Redis is away');
  await expect(second).resolves.toBeUndefined();
});

test('behind a commit that failed for everybody nobody waits as long again', async () => {
  let groups = 0;
  let hang: (error: Error) => void = () => undefined;
  const commits = new GroupCommit<number>({
    ...bounds,
    pendingBytesMax: 1_000,
    isHopeless: (error) => (error as Error).message === 'Redis hangs',
    commit: () => {
      groups++;
      return groups === 1
        ? new Promise((_, reject) => (hang = reject))
        : Promise.resolve(() => undefined);
    },
  });
  const first = commits.add(1, 100);
  const behind = [commits.add(2, 100), commits.add(3, 10)];
  await until(() => groups === 1);
  hang(new Error('Redis hangs'));
  for (const item of [first, ...behind]) await expect(item).rejects.toThrow('Redis hangs');
  expect(groups).toBe(1);
  await expect(commits.add(4, 1_000)).resolves.toBeUndefined();
});

test('while others are committed, one that failed for itself keeps nobody behind it', async () => {
  const ends: { commit: () => void; fail: (error: Error) => void }[] = [];
  const commits = new GroupCommit<number>({
    ...bounds,
    pendingBytesMax: 1_000,
    concurrency: 2,
    isHopeless: () => true,
    commit: () =>
      new Promise((resolve, reject) =>
        ends.push({ commit: () => resolve(() => undefined), fail: reject }),
      ),
  });
  const [slow, quick, next, behind] = [1, 2, 3, 4].map((item) =>
    commits.add(item, 100).catch(String),
  );
  await until(() => ends.length === 2);
  ends[1]?.commit();
  await quick;
  await until(() => ends.length === 3);
  ends[0]?.fail(new Error('late'));
  expect(await slow).toBe('Error: late');
  await until(() => ends.length === 4);
  ends[2]?.commit();
  ends[3]?.commit();
  expect(await Promise.all([next, behind])).toEqual([undefined, undefined]);
});

test('each item is told what became of it, and an error of one fails nothing else of its group', async () => {
  const commits = new GroupCommit<number, number>({
    ...bounds,
    commit: () => Promise.resolve((item) => (item === 2 ? new Error('known already') : item * 10)),
  });
  const [first, second, third] = await Promise.allSettled(
    [1, 2, 3].map((item) => commits.add(item, 10)),
  );
  expect([first, second?.status, third]).toEqual([
    { status: 'fulfilled', value: 10 },
    'rejected',
    { status: 'fulfilled', value: 30 },
  ]);
});

test('what items of a group share is weighed once, so that the group holds more of them', async () => {
  const held = new HeldCommits();
  const commits = new GroupCommit<number>({
    ...bounds,
    pendingBytesMax: 400,
    commit: held.commit,
    weigher: () => {
      const seen = new Set<number>();
      return (item, bytes) => (seen.has(item) ? bytes - 50 : (seen.add(item), bytes));
    },
  });
  const all = [7, 7, 7, 8, 8].map((item) => commits.add(item, 60)); // 60, 10, 10, then 60 and 10
  await until(() => held.groups.length === 1);
  held.endOldest();
  await until(() => held.groups.length === 2);
  held.endOldest();
  await Promise.all(all);
  expect(held.groups).toEqual([
    [7, 7, 7],
    [8, 8],
  ]);
});
