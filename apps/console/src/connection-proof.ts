// What the last test or check of a connection still says of a destination: it may have been of another role, Region or target.
import { sessionKey, type Destination, type FailureCode } from '@logferry/core';
import type { ConnectionResult } from '@logferry/store';
import { createHash } from 'node:crypto';
import type { Step } from './connection-step';

/** Of which credentials and target a result is. */
export function triedForOf(destination: Destination): string {
  return createHash('sha256').update(sessionKey(destination)).digest('base64url').slice(0, 22);
}

export function isCurrent(result: ConnectionResult, destination: Destination): boolean {
  return result.triedFor === triedForOf(destination);
}

/** Whether AWS has refused everybody else then. */
export function refusedOthers(result: ConnectionResult): boolean {
  return decoyOf(result.steps)?.outcome === 'ok';
}

/**
 * What asking again soon does not change: somebody else's issuer has no tokens for tenants that there are not, and AWS has said whom else
 * it lets in.
 */
const SETTLED: readonly (FailureCode | undefined)[] = [
  undefined,
  'credential.token_unavailable',
  'credential.trusts_others',
];

/** Whether we were let in, and it could not be found out whom else AWS lets in, though it could have been. */
export function leftItOpen(result: ConnectionResult): boolean {
  const decoy = decoyOf(result.steps);
  if (decoy === undefined || SETTLED.includes(decoy.code)) return false;
  return decoy.outcome === 'unknown' || decoy.outcome === 'failed';
}

export function decoyOf(steps: readonly object[]): Step | undefined {
  return (steps as readonly Step[]).find(({ step }) => step === 'decoy');
}
