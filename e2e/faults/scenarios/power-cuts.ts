import {
  FsyncJournal,
  redisProgram,
  startRedis,
  type PowerCut,
  type TestRedis,
} from '@logferry/testing';
import { pause } from '../pause';
import type { Scene, Scenario } from '../scenario';
import { World, type WorldRedis } from '../world';

type Fsync = 'everysec' | 'always';

/** A Redis whose power can be cut: what no fsync had covered is gone when it comes back. */
export interface PoweredRedis extends WorldRedis {
  readonly fsync: Fsync;
  /** Kills it and takes what was not safe. Not started again. */
  cutPower(): Promise<PowerCut>;
  start(): Promise<void>;
}

/** What this machine lacks for cutting the power, if anything. */
export function lackedByPowerCuts(): string | undefined {
  const journal = FsyncJournal.make();
  journal?.remove();
  if (journal === undefined) return 'Linux and a C compiler (cc, gcc, clang or tcc)';
  return redisProgram() === undefined ? 'a redis-server' : undefined;
}

export async function startPoweredWorld(fsync: Fsync): Promise<World<PoweredRedis>> {
  const journal = FsyncJournal.make();
  if (journal === undefined) throw new Error(lackedByPowerCuts());
  // Without rewrites: the file that is cut is then the file that was written. What of a rewrite is safe is not asked here.
  const settings = { appendfsync: fsync, 'auto-aof-rewrite-percentage': '0' };
  const server = await startRedis({ settings, environment: journal.environment });
  const ingest = { LOGFERRY_INGEST_DURABILITY: fsync === 'always' ? 'fsync' : 'everysec' };
  return World.start({ redis: powered(server, journal, fsync), environment: { ingest } });
}

function powered(server: TestRedis, journal: FsyncJournal, fsync: Fsync): PoweredRedis {
  return {
    url: server.url,
    fsync,
    cutPower: async () => {
      await server.kill();
      return journal.cutPower(server.dir ?? '');
    },
    start: () => server.start(),
    stop: async () => {
      await server.stop();
      journal.remove();
    },
  };
}

/** Redis begins an fsync when its clock shows another second, and looks at it ten times a second. */
const EVERYSEC_MS = 1_000;
const GRANULARITY_MS = 200;

/** A cut right behind an fsync finds nothing to take, one in fifty. */
const ROUNDS_MAX = 8;

export const powerCutEverysec: Scenario<PoweredRedis> = {
  name: 'power-cut-everysec',
  promise:
    'a power cut takes at most what was acknowledged in the last second and while the disk synced, with appendfsync everysec',
  async run(scene) {
    const windows: { fromMs: number; toMs: number }[] = [];
    let bytesLost = 0;
    const isEnough = (round: number): boolean =>
      round >= scene.form.outageRounds && (bytesLost > 0 || round >= ROUNDS_MAX);
    for (let round = 0; !isEnough(round); round++) {
      const { cut, cutAt } = await cutAndRestart(scene);
      bytesLost += cut.bytesLost;
      // Redis waits for one fsync to end before it begins the next, so a slow disk adds its time.
      const windowMs = EVERYSEC_MS + GRANULARITY_MS + cut.fsyncMs;
      scene.check(
        cutAt - cut.safeUntilMs <= windowMs,
        `what was written ${cutAt - cut.safeUntilMs} ms before the cut was not safe; fsync took ${cut.fsyncMs} ms`,
      );
      windows.push({ fromMs: cutAt - windowMs, toMs: cutAt + SLACK_MS });
      scene.remark(
        `${cut.bytesLost} bytes of ${cutAt - cut.safeUntilMs} ms cut off, fsync takes ${cut.fsyncMs} ms`,
      );
    }
    scene.check(bytesLost > 0, 'no cut took anything: they show nothing');
    scene.allow({
      mayMiss: ({ answeredAt }) =>
        windows.some(({ fromMs, toMs }) => answeredAt >= fromMs && answeredAt <= toMs),
      mayForget: true,
    });
  },
};

export const powerCutAlways: Scenario<PoweredRedis> = {
  name: 'power-cut-always',
  promise: 'a power cut takes nothing that was acknowledged, with appendfsync always',
  async run(scene) {
    for (let round = 0; round < scene.form.outageRounds; round++) {
      const { cut } = await cutAndRestart(scene);
      scene.remark(`${cut.bytesLost} bytes cut off`);
    }
  },
};

/** A producer hears of an acknowledgement a moment after Redis gave it. */
const SLACK_MS = 500;

/** The power of Redis's machine, or of all machines, goes at a random moment. */
async function cutAndRestart({
  world,
  load,
  chance,
  form,
  remark,
}: Scene<PoweredRedis>): Promise<{ cut: PowerCut; cutAt: number }> {
  await load.more(form.between);
  await pause(chance.between(1_000, 2_500));
  const cutAt = Date.now();
  const [cut] = await Promise.all([
    world.redis.cutPower(),
    ...(chance.happens(0.5) ? world.members.map((member) => world.kill(member)) : []),
  ]);
  await world.redis.start();
  world.cutOff({ fromMs: cut.safeUntilMs, toMs: Date.now(), why: 'the power was cut' });
  const died = world.members.filter((member) => !member.isRunning).length;
  await Promise.all(world.members.map((member) => member.start()));
  remark(died > 0 ? 'all processes died with it' : 'Redis alone');
  await load.more(form.between);
  return { cut, cutAt };
}
