import { redisProgram, startRedis, until } from '@logferry/testing';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from '../scenario';
import { World, type WorldRedis } from '../world';

/** A Redis whose disk can be full. */
export interface DiskRedis extends WorldRedis {
  fill(): void;
  empty(): void;
}

/** What this machine lacks for filling Redis's disk, if anything. */
export function lackedByDiskFull(): string | undefined {
  if (redisProgram() === undefined) return 'a redis-server';
  const { error } = spawnSync('prlimit', ['--version'], { stdio: 'ignore' });
  return error === undefined ? undefined : 'prlimit';
}

/** How much the file may still grow when the disk is said to be full, so that it ends in the middle of a write. */
const LEFT_BYTES = 10_000;

/**
 * The limit of a process's files stands in for the disk: a write beyond it is cut short and then refused, as on a disk that is full.
 * With the signal ignored, which a program inherits, Redis hears of it as an error of the write.
 */
export async function startDiskWorld(): Promise<World<DiskRedis>> {
  const launcher = ['sh', '-c', 'trap "" XFSZ; exec "$0" "$@"'];
  const server = await startRedis({ launcher });
  const { pid, dir } = server;
  if (pid === undefined || dir === undefined) throw new Error(lackedByDiskFull());
  const limit = (bytes: string): void => {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}`]);
  };
  return World.start({
    redis: {
      url: server.url,
      fill: () => limit(`${appendOnlyBytes(dir) + LEFT_BYTES}:unlimited`),
      empty: () => limit('unlimited:unlimited'),
      stop: () => server.stop(),
    },
  });
}

function appendOnlyBytes(dir: string): number {
  const folder = join(dir, 'appendonlydir');
  return Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
}

export const diskFull: Scenario<DiskRedis> = {
  name: 'disk-full',
  promise: "while Redis's disk is full nothing is acknowledged, and it goes on when there is room",
  async run({ world, load, sent, form, check, remark }) {
    for (let round = 0; round < form.outageRounds; round++) {
      const fromMs = Date.now();
      world.redis.fill();
      await until(async () => isRefusing(await world.client.info('persistence')), {
        timeoutMs: 30_000,
        what: 'Redis cannot write its file any more',
      });
      await load.moreTroubles(3);
      const before = sent.acknowledged();
      await load.moreTroubles(10);
      check(sent.acknowledged() === before, 'acknowledged although Redis could not write it');
      const reasons = new Set(
        load.troubles.filter(({ atMs }) => atMs >= fromMs).map(({ what }) => what),
      );
      world.redis.empty();
      await load.more(form.between);
      world.cutOff({ fromMs, toMs: Date.now(), why: 'the disk was full' });
      remark(`refused by ${[...reasons].join(', ')}`);
    }
  },
};

function isRefusing(info: string): boolean {
  return info.includes('aof_last_write_status:err');
}
