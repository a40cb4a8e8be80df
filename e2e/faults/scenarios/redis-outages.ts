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
        const yeses = await outage(scene);
        scene.check(yeses === 0, `${yeses} requests got a yes while Redis was away`);
        await load.more(form.between);
      }
    }
    scene.remark(`${load.troubles.length} requests without a yes`);
  },
};

/** Returns how many requests got a yes that were sent when Redis was away: an answer of before may come a moment later. */
async function killed({ world, chance, load }: Scene<TestRedis>): Promise<number> {
  const fromMs = Date.now();
  await world.redis.kill();
  const awayFromMs = Date.now();
  await load.moreTroubles(1);
  await pause(chance.between(0, 1_500));
  const yeses = load.yesesAskedAfter(awayFromMs);
  await world.redis.start();
  world.cutOff({ fromMs, toMs: Date.now(), why: 'Redis killed' });
  return yeses;
}

/** Hangs longer than the locks of what is under way last, now and then: then another worker may take it up. */
async function hanging({ world, chance, load, form }: Scene<TestRedis>): Promise<number> {
  const fromMs = Date.now();
  await world.redis.pause();
  const awayFromMs = Date.now();
  await load.moreTroubles(1);
  await pause(chance.between(0, form.name === 'long' ? 15_000 : 1_500));
  const yeses = load.yesesAskedAfter(awayFromMs);
  await world.redis.resume();
  world.cutOff({ fromMs, toMs: Date.now(), why: 'Redis hung' });
  return yeses;
}
