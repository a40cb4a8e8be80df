// Dead letters as the API tells them, and what it answers to what is done with them.
import { failureKinds, isFailureCode, Scope, sinks, type Fault } from '@logferry/core';
import { describeTarget, type DeadLetter } from '@logferry/queue';
import { z } from 'zod';

const count = z.int().min(0);
const time = z.iso.datetime();
const faults = ['tenant', 'aws', 'auth0', 'us'] as const satisfies readonly Fault[];

/** Whose a dead letter, or a hold, is. */
export const whose = {
  tenant: z.string(),
  destination: z.string(),
  scope: Scope.optional().describe(
    'only of a destination that variables make: the scope at which they are set, empty for the tenant itself',
  ),
  sink: z.enum(sinks),
};

/** What a reason means. */
export const explained = {
  message: z.string().describe('what happened, and what to change'),
  fault: z.enum(faults).describe('whose move it is; `us`: whoever runs Logferry'),
};

export const DeadLetterView = z.strictObject({
  id: z.string(),
  ...whose,
  target: z.string().describe('where it was to be written to'),
  reason: z.string().describe('the code of the failure'),
  ...explained,
  countedAs: z.enum(['rejected', 'deadLettered']).describe('in the ledger of the destination'),
  logEvents: count,
  bytes: count,
  firstTime: time.describe('of its first log event'),
  acceptedAt: time.describe('when the first of them was acknowledged'),
  deadAt: time,
  expiresAt: time.describe('when it is discarded, if nobody does anything'),
  redriving: z.boolean().describe('whether its job is on its way to a worker'),
});
export type DeadLetterView = z.infer<typeof DeadLetterView>;

const cursor = z.string().nullable();

export const DeadLettersView = z.strictObject({
  deadLetters: z.array(DeadLetterView),
  cursor: cursor.describe('where the list goes on'),
});

export const DeadLetterCountView = z.strictObject({
  deadLetters: count,
  logEvents: count,
  redisBytes: count.describe('what they take of Redis'),
});
export type DeadLetterCountView = z.infer<typeof DeadLetterCountView>;

export const RedrivenView = z.strictObject({
  id: z.string(),
  outcome: z
    .enum(['redriven', 'queued', 'waiting'])
    .describe('`queued`: it was on its way before; `waiting`: a worker had taken it back'),
});

export const RedrivenManyView = z.strictObject({
  redriven: count,
  queued: count.describe('on their way before'),
  busy: count.describe("in a worker's hands at that moment: to be asked for again"),
  cursor: cursor.describe('not null if time ran out: the same request with it goes on'),
});
export type RedrivenManyView = z.infer<typeof RedrivenManyView>;

export const DiscardedView = z.strictObject({
  id: z.string(),
  outcome: z.literal('discarded'),
});

export const DiscardedManyView = z.strictObject({
  discarded: count,
  logEvents: count,
  cursor: cursor.describe('not null if time ran out: the same request with it goes on'),
});
export type DiscardedManyView = z.infer<typeof DiscardedManyView>;

interface Told {
  retentionMs: number;
  /** That of the destination, if variables make it. */
  scope: string | undefined;
}

export function deadLetterView(
  deadLetter: DeadLetter,
  { retentionMs, scope }: Told,
): DeadLetterView {
  const { id, tenantId, destinationId, target, state, reason, deadAt } = deadLetter;
  return {
    id,
    tenant: tenantId,
    destination: destinationId,
    ...(scope === undefined ? {} : { scope }),
    sink: target.sink,
    target: describeTarget(target),
    reason,
    ...explain(reason),
    countedAs: state === 'dead' ? 'deadLettered' : 'rejected',
    logEvents: deadLetter.logEvents,
    bytes: deadLetter.bytes,
    firstTime: new Date(deadLetter.firstMs).toISOString(),
    acceptedAt: new Date(deadLetter.openedAt).toISOString(),
    deadAt: new Date(deadAt).toISOString(),
    expiresAt: new Date(deadAt + retentionMs).toISOString(),
    redriving: deadLetter.isQueued,
  };
}

/** What a reason means, and whose move it is. */
export function explain(reason: string): { message: string; fault: Fault } {
  if (!isFailureCode(reason)) return { message: '', fault: 'us' };
  const { publicMessage, fault } = failureKinds[reason];
  return { message: publicMessage, fault };
}
