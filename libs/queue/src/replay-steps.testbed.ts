// The part of the random programs that is about what is kept: replays, given up or cancelled, by whoever may die before a new batch has
// its job.
import fc from 'fast-check';
import {
  checkEverything,
  lanes,
  readAll,
  readKept,
  type Model,
  type Real,
} from './batch-protocol.testbed';
import { liveKey } from './keys';

type Step = fc.AsyncCommand<Model, Real>;

const PLACE = { tenantId: 'acme', destinationId: 'd0', sink: 'cloudwatch' } as const;

export class BeginReplayStep implements Step {
  check = () => true;
  toString = () => 'beginReplay()';

  async run(model: Model, real: Real): Promise<void> {
    const { ids } = await readKept(real, 'd0');
    const range = { by: 'delivered', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;
    const plan = { ...PLACE, ...range, isMarked: false, isOrdered: false };
    const begun = await real.replays.begin(plan);
    if ('id' in begun) {
      expect((await real.replays.find(begun.id))?.total.batches).toBe(ids.size);
      model.replays.set(begun.id, ids);
    }
    await checkEverything(model, real);
  }
}

/** A worker takes all replays on; it may die before the new batches have their jobs. */
export class TakeReplaysStep implements Step {
  constructor(private readonly crash: boolean) {}
  check = () => true;
  toString = () => `takeReplays(${this.crash ? 'crash' : ''})`;

  async run(model: Model, real: Real): Promise<void> {
    const before = new Set(await real.redis.zrange(liveKey(0, 'cloudwatch'), '0', '-1'));
    for (const id of await real.replays.running('cloudwatch', 10))
      await real.replays.take(id, { tenantBytesMax: 1e9 });
    for (const { id, ids, lane } of await readAll(real)) {
      if (before.has(id)) continue;
      for (const name of ids) {
        expect(model.accepted.has(name)).toBe(false); // of one replay, once
        const of = lanes.find((known) => known.id === lane);
        if (of !== undefined) model.accepted.set(name, of);
      }
      if (this.crash) await real.queue.remove(id);
    }
    await checkEverything(model, real);
  }
}

class CancelReplayStep implements Step {
  check = () => true;
  toString = () => 'cancelReplay()';

  async run(model: Model, real: Real): Promise<void> {
    for (const id of await real.replays.running('cloudwatch', 1)) {
      await real.replays.cancel(id);
      model.replays.delete(id);
    }
    await checkEverything(model, real);
  }
}

/** The retention gives up the oldest. */
class GiveUpStep implements Step {
  constructor(private readonly bytesMax: number) {}
  check = () => true;
  toString = () => `giveUpKept(${this.bytesMax})`;

  async run(model: Model, real: Real): Promise<void> {
    const bounds = { forMs: 1e9, bytesMax: this.bytesMax, tenantBytesMax: 1e9 };
    await real.kept.expire(PLACE, bounds, 100);
    expect((await real.kept.state(PLACE)).bytes).toBeLessThanOrEqual(this.bytesMax);
    await checkEverything(model, real);
  }
}

export const replaySteps: fc.Arbitrary<Step>[] = [
  fc.constant(new BeginReplayStep()),
  fc.boolean().map((crash) => new TakeReplaysStep(crash)),
  fc.constant(new CancelReplayStep()),
  fc.nat(5_000).map((bytesMax) => new GiveUpStep(bytesMax)),
];

/** Every replay has come to its end: what it was about and is still kept was accepted anew. @returns how many log events that is */
export async function checkReplays(model: Model, real: Real): Promise<number> {
  const { ids: kept } = await readKept(real, 'd0');
  let replayed = 0;
  for (const [replayId, found] of model.replays) {
    expect(await real.replays.find(replayId)).toMatchObject({ state: 'done', underWay: 0 });
    for (const [batchId, ids] of found) {
      const isReplayed = ids.filter((id) => model.accepted.has(`${id}@${replayId}`)).length;
      expect([0, ids.length]).toContain(isReplayed); // a batch whole, or not at all
      if (kept.has(batchId)) expect(isReplayed).toBe(ids.length);
      replayed += isReplayed;
    }
  }
  return replayed;
}
