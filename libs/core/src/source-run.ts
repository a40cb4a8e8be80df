import type { FailureCode } from './failure';

/**
 * - `schedule`: when the clock said so, or somebody did (`now`)
 * - `replay`: beside those, over what was pulled before; it has a checkpoint of its own
 */
export type RunKind = 'schedule' | 'now' | 'replay';

/** `interrupted`: the process that ran it died; whoever went on made a run of its own. */
export type RunState = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

/** One execution of a source. Quiet ones are kept too. */
export interface SourceRun {
  id: string;
  tenantId: string;
  sourceId: string;
  kind: RunKind;
  state: RunState;
  startedAtMs: number;
  endedAtMs?: number;
  /** What Auth0 gave. `read = accepted + filtered + rejected`, also in the middle of a run. */
  read: number;
  /** What ingest has acknowledged. */
  accepted: number;
  /** What the source's own level and types left out. */
  filtered: number;
  /** What ingest would refuse however often it were sent; `rejections` names the first ones. */
  rejected: number;
  rejections: { logId: string; code: string }[];
  /** Log types that this version does not know, with how many came. They are sent. */
  unknownTypes: Record<string, number>;
  /** Behind which log event it began, if behind any, and where it got to. */
  firstCheckpoint?: string;
  checkpoint?: string;
  /** The time of the newest log event that it has read. */
  newestMs?: number;
  apiCalls: number;
  /** How long it waited for Auth0's rate limit, and for ingest. */
  waitedMs: { api: number; ingest: number };
  error?: RunError;
  /** What its owner should know although it went well. */
  warnings: RunWarning[];
}

export interface RunError {
  code: FailureCode;
  /** What happened and what to change, in the failure's public words. */
  message: string;
}

/**
 * - `gap`: Auth0 has deleted log events behind the checkpoint before they were read
 * - `late`: the newest log event that it read is older than seven days
 * - `silent`: nothing came although Auth0 has newer log events
 * - `rejected`: log events were refused for good
 */
export type RunWarning = 'gap' | 'late' | 'silent' | 'rejected';
