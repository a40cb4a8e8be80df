import { until } from '@logferry/testing';
import type { Scene, Scenario } from '../scenario';
import type { Member } from '../member';
import { callerOf } from '../oracle';
import { pause } from '../pause';

/** A process dies at whatever it is doing and is started again; sometimes several at once, and sometimes it stays away for a while. */
export const kills: Scenario = {
  name: 'kills',
  promise: 'whatever process is killed, and whenever, every acknowledged log event is somewhere',
  async run(scene) {
    const { world, load, chance, form } = scene;
    // Some answers of S3 never come though the object is there, and not at the second try either.
    world.aws.addFault({
      match: { operation: 'PutObject' },
      action: { kind: 'lose-answer' },
      probability: 0.3,
    });
    // And some come so late that whoever waits for them may be dead by then.
    for (const service of ['logs', 's3'] as const)
      world.aws.addFault({
        match: { service },
        action: { kind: 'late-answer', forMs: chance.between(50, 500) },
        probability: 0.5,
        seed: chance.between(1, 1_000_000),
      });
    const victims: string[] = [];
    // Each process once, in any order, and then whoever it hits.
    const queue = chance.shuffled(world.members);
    for (let round = 0; round < form.killRounds; round++) {
      const first = queue.pop() ?? chance.pick(world.members);
      const struck = chance.happens(0.3)
        ? [first, ...world.members.filter((member) => member !== first && chance.happens(0.3))]
        : [first];
      victims.push(struck.map(({ name }) => name).join('+'));
      await strike(scene, struck);
      await load.more(chance.between(1, form.between));
    }
    scene.remark(`killed ${victims.join(', ')}`);
  },
};

async function strike({ world, chance }: Scene, struck: readonly Member[]): Promise<void> {
  await pause(chance.between(200, 1_500));
  // Half of the time at the worst moment: AWS has just done what nobody has counted yet.
  const [first] = struck;
  if (first !== undefined && chance.happens(0.5)) await somethingPut(world, first);
  await Promise.all(struck.map((member) => world.kill(member)));
  if (chance.happens(0.3)) await pause(chance.between(0, 2_000));
  await Promise.all(struck.map((member) => member.start()));
}

/** Resolves when AWS takes the next batch: for a CloudWatch worker, from that one. */
async function somethingPut(
  { aws, taken }: Scene['world'],
  { app, incarnation }: Member,
): Promise<void> {
  const count = (): number =>
    app === 'cloudwatch-worker'
      ? taken.filter((call) => callerOf(call) === incarnation).length
      : aws.counters().objects.put;
  const before = count();
  await until(() => count() > before, {
    intervalMs: 1,
    timeoutMs: 20_000,
    what: 'AWS takes a batch',
  });
}
