// What goes wrong at AWS while everything of ours works.
import { until } from '@logferry/testing';
import { LOG_GROUP, tenants } from '../tenants';
import type { Scene, Scenario } from '../scenario';
import { findLogEvents } from '../whereabouts';
import type { World } from '../world';

export const lostAnswers: Scenario = {
  name: 'lost-answers',
  promise:
    'an answer of AWS that is lost after the call took effect doubles nothing in S3, and in CloudWatch Logs that call only, which is counted',
  async run({ world, load, chance, form, remark }) {
    const from = world.taken.length;
    const countedBefore = await maybeRepeated(world);
    const seed = chance.between(1, 1_000_000);
    for (const service of ['logs', 's3', 'sts'] as const)
      world.aws.addFault({
        match: { service },
        action: { kind: 'lose-answer' },
        probability: 0.3,
        seed,
      });
    const lost = (): number => world.taken.filter(({ isAnswerLost }) => isAnswerLost).length;
    await load.more(10 * form.between);
    await happens(() => lost() >= 5, 'answers are lost');
    remark(`${lost()} answers of PutLogEvents lost`);
    world.aws.clearFaults();
    const lostLogEvents = world.taken
      .slice(from)
      .flatMap(({ isAnswerLost, events }) => (isAnswerLost ? events : [])).length;
    const isCounted = async (): Promise<boolean> =>
      (await maybeRepeated(world)) - countedBefore >= lostLogEvents;
    await until(isCounted, { what: `${lostLogEvents} log events are counted as maybe repeated` });
  },
};

/** How many log events the workers say CloudWatch Logs may have once more than it should. */
async function maybeRepeated(world: World): Promise<number> {
  const counts = await Promise.all(
    world.of('cloudwatch-worker').map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const lines = text.matchAll(/^logferry_cloudwatch_maybe_repeated_\w+\{.*\} (\d+)$/gm);
      return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** While the load goes on. A fault that struck nothing would have shown nothing. */
function happens(fact: () => boolean, what: string): Promise<unknown> {
  return until(fact, { timeoutMs: 60_000, what });
}

export const throttleStorm: Scenario = {
  name: 'throttle-storm',
  promise: 'a storm of throttling, errors and broken connections only delays',
  async run({ world, load, chance, form, remark }) {
    const before = totalErrors(world.aws.counters());
    const seed = chance.between(1, 1_000_000);
    const { aws } = world;
    for (const service of ['logs', 's3', 'sts'] as const) {
      aws.addFault({ match: { service }, action: { kind: 'throttle' }, probability: 0.4, seed });
      aws.addFault({
        match: { service },
        action: { kind: 'server-error' },
        probability: 0.2,
        seed,
      });
      aws.addFault({
        match: { service },
        action: { kind: 'connection-reset' },
        probability: 0.1,
        seed,
      });
    }
    // One customer is throttled at every call.
    const { account } = chance.pick(tenants);
    aws.addFault({ match: { account }, action: { kind: 'throttle', retryAfterSeconds: 1 } });
    const errors = (): number => totalErrors(aws.counters()) - before;
    await load.more(10 * form.between);
    await happens(() => errors() >= 50, 'calls go wrong');
    remark(`${errors()} calls refused or broken`);
  },
};

function totalErrors({ calls }: ReturnType<Scene['world']['aws']['counters']>): number {
  return Object.values(calls)
    .flatMap(({ errors }) => Object.values(errors))
    .reduce((sum, count) => sum + count, 0);
}

export const halfAccepted: Scenario = {
  name: 'half-accepted',
  promise:
    'what CloudWatch Logs refuses of a call becomes a dead letter with its reason, and nothing else does',
  async run({ world, load, chance, form, check, remark }) {
    const { aws } = world;
    const refusedBefore = (await findLogEvents(world)).held.refused.length;
    const reasons = { 'too-old': 0, 'too-new': 0, expired: 0 };
    for (const rejectedAs of ['too-old', 'too-new', 'expired'] as const)
      aws.addFault({
        match: { operation: 'PutLogEvents' },
        action: { kind: 'half-accept', rejectedAs, rejectedCount: chance.between(1, 3) },
        probability: 0.3,
        seed: chance.between(1, 1_000_000),
      });
    const before = aws.counters().logEvents;
    const rejectedSince = (now: typeof before): number =>
      now.rejectedTooOld +
      now.rejectedTooNew +
      now.rejectedExpired -
      (before.rejectedTooOld + before.rejectedTooNew + before.rejectedExpired);
    await load.more(10 * form.between);
    await happens(() => rejectedSince(aws.counters().logEvents) >= 5, 'something is refused');
    await world.mend();
    await until(async () => (await world.waiting()) < 1_000, { timeoutMs: 60_000 });
    const after = aws.counters().logEvents;
    reasons['too-old'] = after.rejectedTooOld - before.rejectedTooOld;
    reasons['too-new'] = after.rejectedTooNew - before.rejectedTooNew;
    reasons.expired = after.rejectedExpired - before.rejectedExpired;
    const rejected = reasons['too-old'] + reasons['too-new'] + reasons.expired;
    const held = async (): Promise<number> =>
      (await findLogEvents(world)).held.refused.length - refusedBefore;
    await until(async () => (await held()) >= rejected, {
      timeoutMs: 20_000,
      what: 'what was refused is held',
    }).catch((error: unknown) => check(false, String(error)));
    check((await held()) === rejected, `${rejected} refused, ${await held()} held as refused`);
    const byReason = await rejectedBy(world);
    for (const [code, count] of [
      ['cloudwatch.log_event_too_old', reasons['too-old']],
      ['cloudwatch.log_event_too_new', reasons['too-new']],
      ['cloudwatch.log_event_expired', reasons.expired],
    ] as const)
      check((byReason.get(code) ?? 0) >= count, `${code}: ${byReason.get(code)} of ${count}`);
    remark(`${rejected} refused`);
  },
};

async function rejectedBy(world: Scene['world']): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { ledger } of await world.ledgers())
    for (const [code, count] of Object.entries(ledger.rejectedBy))
      sums.set(code, (sums.get(code) ?? 0) + count);
  return sums;
}

export const deletedStreams: Scenario = {
  name: 'deleted-streams',
  promise: 'streams and groups that are deleted in the middle are made again, and nothing is lost',
  async run({ world, load, chance, form, check, remark }) {
    let deleted = 0;
    for (let round = 0; round < 5 * form.outageRounds; round++) {
      await load.more(form.between);
      for (const { account, region } of tenants) {
        const ref = { account, region, group: LOG_GROUP };
        const streams = world.aws
          .logGroups()
          .filter((group) => group.account === account && group.group === LOG_GROUP)
          .flatMap((group) => group.streams);
        if (chance.happens(0.3)) deleted += Number(world.aws.deleteLogGroup(ref));
        else if (streams.length > 0)
          deleted += Number(world.aws.deleteLogStream(chance.pick(streams)));
      }
    }
    check(deleted > 0, 'nothing was deleted');
    remark(`${deleted} streams and groups deleted`);
  },
};

export const expiredSessions: Scenario = {
  name: 'expired-sessions',
  promise: 'sessions that end in the middle are replaced, and no attempt is lost over it',
  async run({ world, load, form, check, remark }) {
    let forgotten = 0;
    for (let round = 0; round < 5 * form.outageRounds; round++) {
      await load.more(form.between);
      forgotten += world.aws.forgetSessions();
    }
    check(forgotten > 0, 'there was no session to forget');
    remark(`${forgotten} sessions ended`);
  },
};
