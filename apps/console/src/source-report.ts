import type { SourceRun } from '@logferry/core';
import { z } from 'zod';

const PER_PAGE = 10;
const PER_PAGE_MAX = 100;
const PAGE_MAX = 100_000;

/** As the extension read it: what is no number is as if it were not there, and other fields are no matter. */
const number = (standard: number, most: number) =>
  z
    .unknown()
    .transform((text) => Number.parseInt(String(text), 10) || standard)
    .transform((value) => Math.min(Math.max(value, 1), most));

export const reportQuery = z.object({
  page: number(1, PAGE_MAX).optional().describe('from 1; the newest runs first'),
  per_page: number(PER_PAGE, PER_PAGE_MAX).optional(),
  filter: z.unknown().describe('`errors` for failed runs only').optional(),
});

/** What is asked for, as the pages of runs are. */
export function reportRequest(query: unknown): {
  page: number;
  perPage: number;
  onlyFailed: boolean;
} {
  const { page = 1, per_page: perPage = PER_PAGE, filter } = reportQuery.parse(query);
  return { page: page - 1, perPage, onlyFailed: filter === 'errors' };
}

const time = z.iso.datetime();

const ReportedRun = z.strictObject({
  startCheckpoint: z.string().optional(),
  start: time,
  end: time,
  logsProcessed: z.int().min(0),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  warning: z.string().optional(),
  checkpoint: z.string().optional(),
});
type ReportedRun = z.infer<typeof ReportedRun>;

/** What Auth0's extension told of its runs at `/api/report`, in its words. */
export const Report = z.strictObject({
  logs: z.array(ReportedRun).describe('the newest first; what still runs is not among them'),
  total: z.int().min(0).describe('on all pages'),
  lastRun: time.optional().describe('when the last one began'),
});
export type Report = z.infer<typeof Report>;

/** The extension knew no run before it had ended. */
export function report(
  { runs, total }: { runs: readonly SourceRun[]; total: number },
  latest: SourceRun | undefined,
): Report {
  return {
    logs: runs.flatMap((run) =>
      run.endedAtMs === undefined ? [] : [reported(run, run.endedAtMs)],
    ),
    total,
    ...(latest === undefined ? {} : { lastRun: new Date(latest.startedAtMs).toISOString() }),
  };
}

function reported(run: SourceRun, endedAtMs: number): ReportedRun {
  const { firstCheckpoint, startedAtMs, accepted, error, warnings, checkpoint } = run;
  return {
    ...(firstCheckpoint === undefined ? {} : { startCheckpoint: firstCheckpoint }),
    start: new Date(startedAtMs).toISOString(),
    end: new Date(endedAtMs).toISOString(),
    logsProcessed: accepted,
    ...(error === undefined ? {} : { error }),
    ...(warnings.length === 0 ? {} : { warning: warnings.join(', ') }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}
