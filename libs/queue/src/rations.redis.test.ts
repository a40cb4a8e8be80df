import { startRedis, startStopwatch, until, type TestRedis } from '@logferry/testing';
import { Rations, type Ration } from './rations';
import { patientRedis, type RedisClient } from './redis-connection';
import { Reminders } from './reminders';

let server: TestRedis;
let processes: RedisClient[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  processes = [patientRedis(server), patientRedis(server), patientRedis(server)];
});

beforeEach(async () => {
  await processes[0]?.flushall();
});

afterAll(async () => {
  for (const redis of processes) redis.disconnect();
  await server.stop();
});

/** Asks until it has been given so often, as one who comes back when told to. */
async function takeMany(
  rations: Rations,
  { name, ration, times }: { name: string; ration: Ration; times: number },
): Promise<{ takenAtMs: number[]; asked: number }> {
  const takenAtMs: number[] = [];
  let asked = 0;
  const one = async (): Promise<void> => {
    for (;;) {
      asked++;
      const waitMs = await rations.take(name, ration);
      if (waitMs === 0) return void takenAtMs.push(performance.now());
      const backAtMs = performance.now() + waitMs;
      await until(() => performance.now() >= backAtMs);
    }
  };
  await Promise.all(Array.from({ length: times }, one));
  return { takenAtMs, asked };
}

test('several processes together take no more in any second than the ration and its burst', async () => {
  const ration = { perSecond: 40, burst: 5 };
  const ranMs = startStopwatch();
  const each = processes.map((redis) =>
    takeMany(new Rations(redis), { name: 'a', ration, times: 40 }),
  );
  const all = await Promise.all(each);
  const taken = all.flatMap(({ takenAtMs }) => takenAtMs).sort((a, b) => a - b);
  expect(taken).toHaveLength(120);
  // What comes together is bounded by where it is counted; on its way back an answer may be late, so the span is taken a little wider.
  const inOneSecond = taken.map(
    (from) => taken.filter((atMs) => atMs >= from && atMs < from + 950).length,
  );
  expect(Math.max(...inOneSecond)).toBeLessThanOrEqual(45);
  // And they are not kept waiting for much more than that takes.
  expect(ranMs()).toBeLessThan(2 * (120 / 40) * 1_000);
  // Who waits is told when its turn may come: otherwise everyone would ask for every single one.
  expect(all.reduce((sum, { asked }) => sum + asked, 0)).toBeLessThan(4 * 120);
});

test('a clock of Redis that went back keeps nobody waiting for as long', async () => {
  const [redis] = processes;
  if (redis === undefined) throw new Error('no Redis');
  const rations = new Rations(redis);
  const ration = { perSecond: 10, burst: 2 };
  await rations.take('d', ration);
  const [seconds] = await redis.time();
  const ahead = (Number(seconds) + 3_600) * 1_000; // as written by a clock that was an hour ahead
  await redis.hset('lf:ration:d', 'at', ahead, 'line', ahead);
  const answers = [0, 0, 0].map(() => rations.take('d', ration));
  const [first = 0, second = 0, third = 0] = await Promise.all(answers);
  expect([first, second]).toEqual([0, 0]);
  expect(third).toBeGreaterThan(0);
  expect(third).toBeLessThanOrEqual(100);
});

test('after a lull a burst is given at once, and then one must wait', async () => {
  const [redis] = processes;
  if (redis === undefined) throw new Error('no Redis');
  const rations = new Rations(redis);
  const ration = { perSecond: 1, burst: 3 };
  const answers = await Promise.all(Array.from({ length: 5 }, () => rations.take('b', ration)));
  expect(answers.slice(0, 3)).toEqual([0, 0, 0]);
  const [fourth = 0, fifth = 0] = answers.slice(3);
  expect(fourth).toBeGreaterThan(0);
  expect(fourth).toBeLessThanOrEqual(1_000);
  expect(fifth).toBeGreaterThan(900 + fourth - 100);
  expect(await rations.take('another', ration)).toBe(0);
});

test('nobody is told to wait for longer than a minute, and nothing is kept for ever', async () => {
  const [redis] = processes;
  if (redis === undefined) throw new Error('no Redis');
  const rations = new Rations(redis);
  const ration = { perSecond: 0.1, burst: 1 };
  let waitMs = 0;
  for (let i = 0; i < 20; i++) waitMs = await rations.take('c', ration);
  expect(waitMs).toBeLessThanOrEqual(60_000);
  expect(await redis.pttl('lf:ration:c')).toBeGreaterThan(0);
});

test('a reminder is seen by every process until it is cleared', async () => {
  const [one, other] = processes.map((redis) => new Reminders(redis));
  if (one === undefined || other === undefined) throw new Error('no Redis');
  expect(await other.has('x')).toBe(false);
  await one.set('x');
  expect(await other.has('x')).toBe(true);
  expect(await processes[0]?.pttl('lf:reminder:x')).toBeGreaterThan(0);
  await other.clear('x');
  expect(await one.has('x')).toBe(false);
});
