import { z } from 'zod';
import type { FailureCode } from './failure';
import type { SourceRun } from './source-run';

/** What somebody may want to be told of. */
export const notificationKinds = [
  'run.failed',
  'run.succeeded',
  'report.daily',
  'source.stopped',
  'source.silent',
  'source.late',
  'source.gap',
  'source.rejected',
  'source.unwanted',
  'destination.failed',
  'destination.suspended',
  'destination.resumed',
  'destination.late',
  'destination.dead_lettered',
] as const;
export const NotificationKind = z.enum(notificationKinds);
export type NotificationKind = z.infer<typeof NotificationKind>;

/** Something that happened, once, to one source or destination of one tenant. Holds no log event and no secret. */
export interface Notification {
  /** The same for the same happening: it is told once, however often it is noticed. */
  id: string;
  /** `channel.test`: somebody wants to see whether a channel works. */
  kind: NotificationKind | 'channel.test';
  tenantId: string;
  atMs: number;
  about: { sourceId: string } | { destinationId: string } | { channelId: string };
  /** The only channel that is to be told; without it, all that want it. */
  channelId?: string;
  /** Why, and what to do about it, in public words. */
  code?: FailureCode;
  message?: string;
  run?: SourceRun;
  report?: DailyReport;
  /** Log events that wait, or were dead-lettered, and since when. */
  logEvents?: number;
  sinceMs?: number;
}

/** The last 24 hours of a source. */
export interface DailyReport {
  processed: number;
  warnings: number;
  errors: number;
  checkpoint?: string;
}
