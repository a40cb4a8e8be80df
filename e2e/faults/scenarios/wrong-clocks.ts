import { until } from '@logferry/testing';
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
  const { world, load, form, check, remark } = scene;
  const members = world.of(app);
  await Promise.all(members.map((member) => member.stop()));
  // A broker with a wrong clock is asked only if nobody has a session.
  if (app === 'credential-broker') world.aws.forgetSessions();
  const environment = {
    NODE_OPTIONS: `--require ${PRELOAD}`,
    CLOCK_SHIFT_MS: String(shiftMs),
  };
  await Promise.all(members.map((member) => member.start(environment)));
  const before = putSoFar(scene);
  await load.more(5 * form.between);
  const ledgers = await world.ledgers();
  check(
    ledgers.every(({ ledger }) => ledger.deadLettered === 0),
    `something was given up because of the clock of ${app}`,
  );
  if (app === 'credential-broker') await expectHeld(scene);
  const puts = putSoFar(scene) - before;
  await Promise.all(members.map((member) => member.stop()));
  await Promise.all(members.map((member) => member.start()));
  await load.more(form.between);
  remark(`${app} ${shiftMs > 0 ? 'ahead' : 'behind'}: ${puts} puts meanwhile`);
}

function putSoFar({ world }: Scene): number {
  const { logEvents, objects } = world.aws.counters();
  return logEvents.batches + objects.put;
}

/** STS takes no token of another time: what waits says that it is for want of a session. */
async function expectHeld({ world, check, remark }: Scene): Promise<void> {
  const reasons = async (): Promise<Set<string>> => {
    const found = new Set<string>();
    for (const sink of ['cloudwatch', 's3'])
      for (const id of await world.client.zrange(`{lf-0}:live:${sink}`, '0', '-1')) {
        const batch = await world.store.batch(id);
        if (batch?.state === 'sealed' && batch.lastFailure !== undefined)
          found.add(batch.lastFailure);
      }
    return found;
  };
  await until(async () => (await reasons()).size > 0, {
    timeoutMs: 30_000,
    what: 'a batch says why it waits',
  });
  const told = [...(await reasons())];
  check(
    told.every((code) => code.startsWith('credential.')),
    `with a broker of another time, batches wait for ${told.join(', ')}`,
  );
  remark(`the broker's batches wait for ${told.join(', ')}`);
}
