import { createHash } from 'node:crypto';

/**
 * 56 digits that grow with the time at which Auth0 took the log event in, which is not the time of the event itself. Those of the same
 * millisecond grow with `sequence`.
 */
export function logId(takenAtMs: number, sequence: number): string {
  const stamp = new Date(takenAtMs).toISOString().replaceAll(/\D/g, '');
  const digits = createHash('sha256').update(`${stamp} ${sequence}`).digest('hex');
  const tail = BigInt(`0x${digits}`).toString().slice(0, 26);
  return `900${stamp}${String(sequence).padStart(10, '0')}${tail.padEnd(26, '0')}`;
}

/** By number, however many digits they have. */
export function isLaterId(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
