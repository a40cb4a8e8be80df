import type { AwsSession } from '@logferry/core';

/** With what a destination is written to. */
export interface SinkAccess {
  /** Which destination; each has an SDK client of its own. */
  destinationKey: string;
  region: string;
  session: AwsSession;
}
