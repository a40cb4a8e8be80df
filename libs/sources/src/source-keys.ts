// All of it has the hash tag of the configuration: it is small, and a checkpoint, its run's counters and its lock are one step.

/** The hash tag, which is also the prefix of the queue. */
export const SOURCES_TAG = '{lf}';

/** What is read with a lock and a checkpoint of its own: a source, or one replay of it. */
export interface Feed {
  tenantId: string;
  sourceId: string;
  /** The run of the replay; none for the live feed. */
  replayId?: string | undefined;
}

export type SourcePlace = Omit<Feed, 'replayId'>;

/** Everything of a source begins with it. Neither id holds a colon. */
export function sourceKeyPrefix({ tenantId, sourceId }: SourcePlace): string {
  return `${SOURCES_TAG}:source:${tenantId}:${sourceId}`;
}

function feedKey(feed: Feed, what: string): string {
  const of = feed.replayId === undefined ? 'live' : `replay-${feed.replayId}`;
  return `${sourceKeyPrefix(feed)}:${of}:${what}`;
}

export const lockKey = (feed: Feed): string => feedKey(feed, 'lock');
/** A hash: the checkpoint, the intent, and what else must outlive a run. */
export const positionKey = (feed: Feed): string => feedKey(feed, 'position');

export const runKey = (source: SourcePlace, runId: string): string =>
  `${sourceKeyPrefix(source)}:run:${runId}`;
export const runLogKey = (source: SourcePlace, runId: string): string =>
  `${runKey(source, runId)}:log`;

/** Ids of runs by the time at which they began. */
export const runsKey = (source: SourcePlace): string => `${sourceKeyPrefix(source)}:runs`;
export const failedRunsKey = (source: SourcePlace): string => `${sourceKeyPrefix(source)}:failed`;
