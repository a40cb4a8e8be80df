import type { LogId as LogIdSchema } from '@logferry/core';
import type { z } from 'zod';

type LogId = z.infer<typeof LogIdSchema>;

/**
 * A page that is about to be handed to ingest. It is stored before: whoever finds one hands over exactly these log events first, under the
 * same key, so that ingest adds none of them twice.
 */
export interface Intent {
  /** The Idempotency-Key. */
  key: string;
  /** The log events that are handed over, in their order: those of the page that are wanted. */
  ids: LogId[];
  /** The last log event of what was read, and how much that was. */
  to: LogId;
  read: number;
  /** Kept as they were, since with others it would be another request. */
  eventType: string;
  scope: string;
}

/** Where a feed has got to. */
export interface FeedPosition {
  /** Behind which log event it goes on; nothing if it has never begun. */
  checkpoint?: LogId;
  /** Whether the checkpoint itself is still to be read. */
  isInclusive: boolean;
  intent?: Intent;
  /** Grows whenever somebody sets the checkpoint. */
  epoch: number;
  /** Random, and as old as the position: what a source of the same id handed over before it was deleted is another one's. */
  generation?: string;
  /** The START_FROM that was applied last. */
  startFrom?: string;
  /** What lies up to here was handed over before the checkpoint was set back. */
  resentUntil?: LogId;
  /** When everything was read that there was. */
  caughtUpAtMs?: number;
  /** The time of the newest log event that was read. */
  newestMs?: number;
  /** When the last run ended that was not interrupted. */
  endedAtMs?: number;
  /** The run that is under way, or was when its process died. */
  runId?: string;
}

export function readPosition(fields: Readonly<Record<string, string>>): FeedPosition {
  const {
    checkpoint,
    intent,
    startFrom,
    resentUntil,
    caughtUpAtMs,
    newestMs,
    endedAtMs,
    runId,
    generation,
  } = fields;
  return {
    isInclusive: fields.inclusive === '1',
    epoch: Number(fields.epoch ?? 0),
    ...(generation === undefined ? {} : { generation }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(intent === undefined ? {} : { intent: JSON.parse(intent) as Intent }),
    ...(startFrom === undefined ? {} : { startFrom }),
    ...(resentUntil === undefined ? {} : { resentUntil }),
    ...(caughtUpAtMs === undefined ? {} : { caughtUpAtMs: Number(caughtUpAtMs) }),
    ...(newestMs === undefined ? {} : { newestMs: Number(newestMs) }),
    ...(endedAtMs === undefined ? {} : { endedAtMs: Number(endedAtMs) }),
    ...(runId === undefined ? {} : { runId }),
  };
}
