// What a destination keeps is shown and delivered again by a command, which tells how far it is.
import { shardOf } from '@logferry/core';
import { KeptBatches, ReplayKeeper, Replays } from '@logferry/queue';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed } from './cli.testbed';

jest.setTimeout(120_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
const shard = shardOf('acme', 'cw', 2);
const ALL = ['--from', '2026-01-01T00:00:00Z'];

beforeEach(async () => {
  await cli.letIn();
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  const destination = {
    type: 'cloudwatch',
    region: 'eu-central-1',
    preset: 'env0',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    keep: { forMs: 3_600_000, bytesMax: 64 * 1024 * 1024 },
  };
  const at = '/v1/tenants/acme/destinations/cw';
  expect((await bed.call(at, { method: 'PUT', body: destination })).status).toBe(201);
  for (let i = 0; i < 3; i++) {
    const lane = aCloudWatchLane({ id: `acme/cw/${i}` });
    const begun = await bed.stores[shard]?.begin(await bed.send(lane, ['one', 'two']));
    if (begun === undefined) throw new Error('it is there');
    const keep = { bytesMax: 1e9, tenantBytesMax: 1e12, isEvent: false };
    await bed.stores[shard]?.settle(begun.batch, { rejected: [], keep });
  }
});
afterAll(() => cli.remove());

const replay = (...args: string[]) => cli.run(['replay', 'acme', 'cw', ...args]);

test('what is kept is told, and is replayed with its progress when that is said', async () => {
  expect((await replay()).out).toMatch(
    /^3 batches with 6 log events are kept, delivered since 20\S+Z: 0\.0 MiB of Redis\.\n$/,
  );
  expect((await replay(...ALL)).code).toBe(64); // nobody can be asked
  const store = bed.stores[shard];
  if (store === undefined) throw new Error('there is such a shard');
  const replays = new Replays(store, new KeptBatches(store));
  const silent = { replayed: () => undefined, replayDone: () => undefined, error: () => undefined };
  const room = { tenantBytesMax: () => 1e12, hasRoom: () => true };
  const keeper = new ReplayKeeper({ replays, sink: 'cloudwatch' }, room, silent);
  bed.consume(() => Promise.resolve({ rejected: [] }));
  const { code, out, told } = await replay(...ALL, '--yes');
  expect(told).toMatch(/^Replay \w+: 3 batches with 6 log events\.\n/);
  expect(out).toMatch(/^Replay \w+ is done: 3 of 3 batches, 6 log events\.\n$/);
  expect(code).toBe(0);
  keeper.stop();
  await replays.close();
  expect((await replay()).out).toMatch(/\w+ +done +delivered +2026-01-01\S+ +\S+ +3 of 3\n$/);
});

test('one that is under way is watched until somebody cancels it', async () => {
  const begun = await replay(...ALL, '--yes', '--no-wait', '--json');
  const { id } = JSON.parse(begun.out) as { id: string };
  const watch = cli.start(['replay', 'acme', 'cw', '--watch', id]);
  await until(() => watch.told().includes('0 of 3 batches'), { timeoutMs: 60_000 });
  expect((await replay('--cancel', id)).out).toBe(
    `Replay ${id} is cancelled: 0 of 3 batches, 0 log events.\n`,
  );
  const { code, out } = await watch.ended;
  expect([code, out]).toEqual([1, `Replay ${id} is cancelled: 0 of 3 batches, 0 log events.\n`]);
  expect((await replay('--cancel', id)).told).toContain('over already');
});

test.each([
  [['--to', '2026-01-01T00:00:00Z'], '--from is missing'],
  [['--mark'], '--from is missing'],
  [[...ALL, '--cancel', 'x'], 'say one of --from, --watch and --cancel'],
])('%j makes no sense', async (args, why) => {
  const { code, told } = await replay(...args);
  expect(code).toBe(64);
  expect(told).toContain(why);
});
