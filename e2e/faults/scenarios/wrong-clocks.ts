import { join } from 'node:path';
import type { App } from '../../app-environment';
import type { Scene, Scenario } from '../scenario';

const SHIFT_MS = 3 * 3_600_000;
const PRELOAD = join(__dirname, '..', 'shifted-clock.cjs');

/** The clock of one kind of process after the other is wrong by three hours, ahead or behind, and then right again. */
export const wrongClocks: Scenario = {
  name: 'wrong-clocks',
  promise: 'a process whose clock is wrong by three hours loses nothing',
  async run(scene) {
    const { form, chance } = scene;
    const all = ['cloudwatch-worker', 's3-worker', 'credential-broker', 'ingest'] as const;
    const both = [SHIFT_MS, -SHIFT_MS];
    const apps = form.name === 'long' ? all : chance.shuffled(all).slice(0, 2);
    const shifts = form.name === 'long' ? both : [chance.pick(both)];
    for (const shiftMs of shifts) for (const app of apps) await withWrongClock(scene, app, shiftMs);
  },
};

async function withWrongClock(scene: Scene, app: App, shiftMs: number): Promise<void> {
  const { world, load, form, remark } = scene;
  const members = world.of(app);
  await Promise.all(members.map((member) => member.stop()));
  // A broker with a wrong clock is asked only if nobody has a session.
  if (app === 'credential-broker') world.aws.forgetSessions();
  const environment = {
    NODE_OPTIONS: `--require ${PRELOAD}`,
    CLOCK_SHIFT_MS: String(shiftMs),
  };
  await Promise.all(members.map((member) => member.start(environment)));
  const before = world.taken.length;
  await load.more(5 * form.between);
  const calls = world.taken.length - before;
  await Promise.all(members.map((member) => member.stop()));
  await Promise.all(members.map((member) => member.start()));
  await load.more(form.between);
  remark(`${app} ${shiftMs > 0 ? 'ahead' : 'behind'}: ${calls} calls taken meanwhile`);
}
