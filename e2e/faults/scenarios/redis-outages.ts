import type { TestRedis } from '@logferry/testing';
import { pause } from '../pause';
import type { Scene, Scenario } from '../scenario';

/** Redis is killed and comes back with its file, and Redis hangs with its connections open. */
export const redisOutages: Scenario<TestRedis> = {
  name: 'redis-outages',
  promise: 'Redis killed or stopped in the middle of the load loses nothing that was acknowledged',
  async run(scene) {
    const { load, chance, form } = scene;
    for (let round = 0; round < form.outageRounds; round++) {
      for (const outage of chance.shuffled([killed, hanging])) {
        const acknowledged = await outage(scene);
        scene.check(acknowledged === 0, `${acknowledged} acknowledged while Redis was away`);
        await load.more(form.between);
      }
    }
    scene.remark(`${load.troubles.length} requests without a yes`);
  },
};

/** Returns how many log events were acknowledged while Redis was surely away. */
async function killed({ world, sent, chance, load }: Scene<TestRedis>): Promise<number> {
  const fromMs = Date.now();
  await world.redis.kill();
  // An answer that was on its way when Redis died may come a moment later.
  await load.moreTroubles(1);
  const before = sent.acknowledged();
  await pause(chance.between(0, 1_500));
  const acknowledged = sent.acknowledged() - before;
  await world.redis.start();
  world.cutOff({ fromMs, toMs: Date.now(), why: 'Redis killed' });
  return acknowledged;
}

/** Hangs longer than the locks of what is under way last, now and then: then another worker may take it up. */
async function hanging({ world, sent, chance, load, form }: Scene<TestRedis>): Promise<number> {
  const fromMs = Date.now();
  await world.redis.pause();
  await load.moreTroubles(1);
  const before = sent.acknowledged();
  await pause(chance.between(0, form.name === 'long' ? 15_000 : 1_500));
  const acknowledged = sent.acknowledged() - before;
  await world.redis.resume();
  world.cutOff({ fromMs, toMs: Date.now(), why: 'Redis hung' });
  return acknowledged;
}
