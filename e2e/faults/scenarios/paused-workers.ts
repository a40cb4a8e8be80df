import { pause } from '../pause';
import type { Scenario } from '../scenario';

/** Longer than a lock lasts (10 s) and a stalled job takes to be noticed (5 s), so that another worker has taken the batch. */
const LONGER_THAN_LOCKS_MS = 17_000;

/** A worker is stopped in the middle of a call and goes on as if nothing had happened, after another one has done its work. */
export const pausedWorkers: Scenario = {
  name: 'paused-workers',
  promise: 'a worker that was stopped and goes on counts nothing twice, and doubles no object',
  async run({ world, load, chance, form, remark }) {
    const before = world.aws.counters().calls['logs:PutLogEvents']?.calls ?? 0;
    // Calls that take a while, so that there is something to be stopped in the middle of.
    world.aws.addFault({ match: { service: 'logs' }, action: { kind: 'latency', forMs: 300 } });
    world.aws.addFault({ match: { service: 's3' }, action: { kind: 'latency', forMs: 300 } });
    await load.more(form.between);
    const struck = [chance.pick(world.of('cloudwatch-worker')), chance.pick(world.of('s3-worker'))];
    const fromMs = Date.now();
    for (const member of struck) member.pause();
    await pause(LONGER_THAN_LOCKS_MS);
    for (const { incarnation } of struck)
      world.cutOff({ incarnation, fromMs, toMs: Date.now(), why: `${incarnation} stopped` });
    for (const member of struck) member.resume();
    await load.more(form.between);
    const calls = (world.aws.counters().calls['logs:PutLogEvents']?.calls ?? 0) - before;
    remark(`${struck.map(({ name }) => name).join(' and ')} stopped; ${calls} calls`);
  },
};
