import { failureKinds, isFailureCode } from '@logferry/core';
import { describeTarget, type DeadLetter } from '@logferry/queue';

/** A dead letter as the API tells it. */
export function deadLetterView(deadLetter: DeadLetter, retentionMs: number): object {
  const { id, tenantId, destinationId, target, state, reason, deadAt } = deadLetter;
  return {
    id,
    tenant: tenantId,
    destination: destinationId,
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
export function explain(reason: string): { message: string; fault: string } {
  if (!isFailureCode(reason)) return { message: '', fault: 'us' };
  const { publicMessage, fault } = failureKinds[reason];
  return { message: publicMessage, fault };
}
