import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, redisAnswers, redisProgram } from '@logferry/testing';
import { StartProblem } from './processes';

/** A Redis to work with, and how to end it, if it is ours to end. */
export interface LocalRedis {
  url: string;
  describe: string;
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** The Redis of `REDIS_URL`, or one of our own with its data in `dir`. */
export async function openLocalRedis(dir: string): Promise<LocalRedis> {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') {
    await redisAnswers(given).catch(() => {
      throw new StartProblem(
        `No Redis answers at REDIS_URL (${given.replace(/:[^:@/]*@/, ':…@')}): start it, or unset REDIS_URL.`,
      );
    });
    return {
      url: given,
      describe: 'the one of REDIS_URL',
      ended: new Promise(() => undefined),
      stop: () => Promise.resolve(),
    };
  }
  const program = redisProgram();
  if (program === undefined) {
    throw new StartProblem(
      'There is no Redis on this machine: install redis-server, or set REDIS_URL to one that runs.',
    );
  }
  return startOwnRedis(program, dir);
}

async function startOwnRedis(program: string, dir: string): Promise<LocalRedis> {
  mkdirSync(dir, { recursive: true });
  endLeftover(dir);
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    pidfile: join(dir, 'redis.pid'),
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    logfile: join(dir, 'redis.log'),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const url = `redis://127.0.0.1:${port}`;
  await redisAnswers(url).catch(() => {
    child.kill('SIGKILL');
    throw new StartProblem(`${program} did not start; its log is ${join(dir, 'redis.log')}.`);
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url, describe: `${program}, its data in ${dir}`, ended, stop };
}

/**
 * Two servers on one append-only file would ruin it. If an earlier start was killed, its Redis still runs on this directory; it has
 * nothing that the file has not, so it is ended.
 */
function endLeftover(dir: string): void {
  const pidFile = join(dir, 'redis.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (!Number.isInteger(pid) || pid <= 1 || !/redis|valkey/.test(commandOf(pid))) return;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + 10_000;
  while (commandOf(pid) !== '' && Date.now() < deadline) spawnSync('sleep', ['0.05']);
}

function commandOf(pid: number): string {
  return spawnSync('ps', ['-o', 'args=', '-p', String(pid)])
    .stdout.toString()
    .trim();
}
