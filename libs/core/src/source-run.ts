import { z } from 'zod';
import type { FailureCode } from './failure';
import { LogId } from './source';

/**
 * - `schedule`: when the clock said so, or somebody did (`now`)
 * - `replay`: beside those, over what was pulled before; it has a checkpoint of its own
 */
export type RunKind = 'schedule' | 'now' | 'replay';

/** `interrupted`: the process that ran it died; whoever went on made a run of its own, or goes on with this one if it is a replay. */
export type RunState = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

const timeMs = z.int().min(0).max(253_402_300_799_999);

/** What is to be pulled once more. */
export const ReplayRequest = z.strictObject({
  from: z
    .union([
      z.strictObject({ after: LogId }),
      z.strictObject({ at: LogId }),
      z.strictObject({ timeMs }),
    ])
    .describe('the log event behind which it begins, or the first one itself, or a time'),
  to: z
    .union([z.strictObject({ at: LogId }), z.strictObject({ timeMs })])
    .optional()
    .describe('the last log event, or a time; without it, what there is when it begins'),
  isMarked: z
    .boolean()
    .default(false)
    .describe('whether its log events say so, by the attribute `replay` with the id of the run'),
});
export type ReplayRequest = z.infer<typeof ReplayRequest>;

/** One execution of a source. Quiet ones are kept too. */
export interface SourceRun {
  id: string;
  tenantId: string;
  sourceId: string;
  kind: RunKind;
  state: RunState;
  /** Of a replay: what was asked for. */
  replay?: ReplayRequest;
  startedAtMs: number;
  endedAtMs?: number;
  /** What Auth0 gave. `read = accepted + filtered + rejected`, also in the middle of a run. */
  read: number;
  /** What ingest has acknowledged. */
  accepted: number;
  /** How many of those no destination wanted: they are nowhere. */
  unwanted: number;
  /** What the source's own level and types left out. */
  filtered: number;
  /** What ingest would refuse however often it were sent; `rejections` names the first ones. */
  rejected: number;
  /** What was handed over once more since it could not be told whether it had been: it may be there twice. */
  repeated: number;
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
 * - `unwanted`: log events were accepted that no destination wants
 */
export type RunWarning = 'gap' | 'late' | 'silent' | 'rejected' | 'unwanted';

/** A line of a run's log. */
export interface RunLogLine {
  /** By which the lines behind it are asked for. */
  place: string;
  atMs: number;
  level: 'info' | 'warn' | 'error';
  text: string;
}
