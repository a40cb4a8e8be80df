import type { LogPlace } from './log-store';
import type { IncomingEvent } from './log-stream';

/** One PutLogEvents call that took effect. A stream forgets its log events when it is deleted; whoever was told does not. */
export interface TakenLogEvents extends LogPlace {
  readonly group: string;
  readonly stream: string;
  /** What was stored; what was refused is not in it. */
  readonly events: readonly IncomingEvent[];
  /** Who called, in its own words: with `AWS_SDK_UA_APP_ID`, a process of a test says which one it is. */
  readonly userAgent: string;
  /** Whether a fault keeps the answer from the caller. */
  readonly isAnswerLost: boolean;
  readonly takenAtMs: number;
}
