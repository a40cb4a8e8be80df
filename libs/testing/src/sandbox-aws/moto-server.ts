// moto, an AWS emulator by others, as a second opinion: started where Python and moto are at hand, absent elsewhere.
import { spawn, spawnSync } from 'node:child_process';
import { steadyPort } from '../free-port';
import { until } from '../until';

export interface MotoServer {
  readonly url: string;
  stop(): Promise<void>;
}

export function isMotoInstalled(): boolean {
  return spawnSync('python3', ['-c', 'import moto.server'], { stdio: 'ignore' }).status === 0;
}

export async function startMoto(): Promise<MotoServer> {
  const port = await steadyPort();
  const child = spawn('python3', ['-m', 'moto.server', '-p', String(port)], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const url = `http://127.0.0.1:${String(port)}`;
  await until(() => isAnswering(url), { timeoutMs: 60_000, intervalMs: 50, what: 'moto answers' });
  return {
    url,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

async function isAnswering(url: string): Promise<boolean> {
  return fetch(`${url}/moto-api/data.json`).then(
    (answer) => answer.ok,
    () => false,
  );
}
