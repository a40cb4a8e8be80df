import type { AwsSession } from '@logferry/core';

/** With what a destination is written to. */
export interface SinkAccess {
  /** Which destination; each has an SDK client of its own. */
  destinationKey: string;
  region: string;
  session: AwsSession;
}

/** What a client is built from: an access key whose secret was mistyped and then put right has the same id as before, but another end. */
export function sessionIdentity(region: string, { accessKeyId, expiresAt }: AwsSession): string {
  return `${region} ${accessKeyId} ${expiresAt}`;
}
