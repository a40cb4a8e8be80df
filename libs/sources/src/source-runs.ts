import type {
  ReplayRequest,
  RunError,
  RunKind,
  RunLogLine,
  RunState,
  RunWarning,
  SourceRun,
} from '@logferry/core';
import { readPosition, type FeedPosition } from './feed-position';
import {
  failedRunsKey,
  lockKey,
  positionKey,
  runKey,
  runLogKey,
  runsKey,
  type Feed,
  type SourcePlace,
} from './source-keys';
import { sourceScripts, type SourceRedis, type SourceScripts } from './source-scripts';

const DELETED_AT_ONCE = 100;
/** By then every poller has heard of a deletion; they ask twice a second. */
const HEARD_MS = 2_000;

/** How many runs are remembered, and how long. */
export interface RunBounds {
  runsMax: number;
  ageMsMax: number;
}

export interface RunPage {
  /** The newest first. */
  runs: SourceRun[];
  total: number;
}

/** What is remembered of the runs of sources, for whoever shows them; and what may be changed of it from outside. */
export class SourceRuns {
  private readonly scripts: SourceScripts;

  constructor(
    private readonly redis: SourceRedis,
    private readonly now: () => number = Date.now,
  ) {
    this.scripts = sourceScripts(redis);
  }

  /** @param page from 0 */
  async page(
    source: SourcePlace,
    { page, perPage, onlyFailed }: { page: number; perPage: number; onlyFailed?: boolean },
  ): Promise<RunPage> {
    const key = onlyFailed === true ? failedRunsKey(source) : runsKey(source);
    const [ids, total] = await Promise.all([
      this.redis.zrevrange(key, page * perPage, (page + 1) * perPage - 1),
      this.redis.zcard(key),
    ]);
    const runs = await Promise.all(ids.map((id) => this.run(source, id)));
    return { runs: runs.filter((run) => run !== undefined), total };
  }

  /** A run; one whose process has died is marked so. */
  async run(source: SourcePlace, runId: string): Promise<SourceRun | undefined> {
    const key = runKey(source, runId);
    const run = readRun(await this.redis.hgetall(key));
    if (run?.state !== 'running') return run;
    const lock = lockKey(feedOf(source, run));
    if ((await this.scripts.lfSourceReap(lock, key, this.now())) === 0) return run;
    return readRun(await this.redis.hgetall(key));
  }

  /** The run that began last. */
  async latest(source: SourcePlace): Promise<SourceRun | undefined> {
    const { runs } = await this.page(source, { page: 0, perPage: 1 });
    return runs[0];
  }

  /**
   * Lines of a run's log.
   *
   * @param after the place of the line behind which they begin
   */
  async log(
    source: SourcePlace,
    runId: string,
    { after = '-', most = 1_000 }: { after?: string | undefined; most?: number } = {},
  ): Promise<RunLogLine[]> {
    const from = after === '-' ? '-' : `(${after}`;
    const entries = await this.redis.xrange(runLogKey(source, runId), from, '+', 'COUNT', most);
    return entries.map(([place, [, level = 'info', , text = '']]) => ({
      place,
      atMs: Number(place.split('-')[0]),
      level: level as RunLogLine['level'],
      text,
    }));
  }

  /** @returns whether there is something to cancel: it ends before its next page */
  async cancel(source: SourcePlace, runId: string): Promise<boolean> {
    const key = runKey(source, runId);
    const run = readRun(await this.redis.hgetall(key));
    if (run === undefined) return false;
    const feed = feedOf(source, run);
    const isReplay = run.kind === 'replay' ? '1' : '';
    return (await this.scripts.lfSourceCancel(lockKey(feed), key, this.now(), isReplay)) > 0;
  }

  position(feed: Feed): Promise<FeedPosition> {
    return this.redis.hgetall(positionKey(feed)).then(readPosition);
  }

  /** Sets where a source goes on, also in the middle of a run. */
  async setCheckpoint(
    source: SourcePlace,
    checkpoint: { after: string } | { at: string },
  ): Promise<void> {
    const [id, inclusive] =
      'at' in checkpoint ? [checkpoint.at, '1'] : ([checkpoint.after, ''] as const);
    await this.scripts.lfSourceCheckpoint(positionKey(source), id, inclusive, '');
  }

  /** Deletes the oldest runs beyond the bounds, with their logs. */
  async trim(source: SourcePlace, { runsMax, ageMsMax }: RunBounds): Promise<number> {
    const tooOld = await this.redis.zrangebyscore(
      runsKey(source),
      '-inf',
      `(${this.now() - ageMsMax}`,
      'LIMIT',
      '0',
      String(DELETED_AT_ONCE),
    );
    const count = await this.redis.zcard(runsKey(source));
    const tooMany =
      count > runsMax
        ? await this.redis.zrange(
            runsKey(source),
            0,
            String(Math.min(count - runsMax, DELETED_AT_ONCE) - 1),
          )
        : [];
    const ids = [...new Set([...tooOld, ...tooMany])];
    const ended = await Promise.all(
      ids.map(async (id) => ((await this.run(source, id))?.state === 'running' ? [] : [id])),
    );
    await this.delete(source, ended.flat());
    return ended.flat().length;
  }

  /**
   * Forgets everything of a source that is deleted: one that is made anew under its id begins anew. Its lease is taken away as well, for a
   * moment: a poller that has not heard of the deletion yet would begin a run, and leave its checkpoint behind.
   */
  async forget(source: SourcePlace): Promise<void> {
    await this.redis.set(lockKey(source), 'deleted', 'PX', HEARD_MS);
    await this.redis.unlink(positionKey(source));
    for (;;) {
      const ids = await this.redis.zrange(runsKey(source), 0, String(DELETED_AT_ONCE - 1));
      if (ids.length === 0) return;
      await this.delete(source, ids);
    }
  }

  private async delete(source: SourcePlace, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.redis.unlink(
      ...ids.flatMap((id) => [
        runKey(source, id),
        runLogKey(source, id),
        positionKey({ ...source, replayId: id }),
      ]),
    );
    await this.redis.zrem(failedRunsKey(source), ...ids);
    await this.redis.zrem(runsKey(source), ...ids);
  }
}

function feedOf({ tenantId, sourceId }: SourcePlace, { id, kind }: SourceRun): Feed {
  return { tenantId, sourceId, replayId: kind === 'replay' ? id : undefined };
}

interface RunHead {
  id: string;
  tenantId: string;
  sourceId: string;
  kind: RunKind;
  replay?: ReplayRequest;
  startedAtMs: number;
}

const UNKNOWN = 'unknown:';

function readRun(fields: Readonly<Record<string, string>>): SourceRun | undefined {
  const { head, state, endedAtMs, firstCheckpoint, checkpoint, newestMs, error } = fields;
  if (head === undefined) return undefined;
  const count = (field: string): number => Number(fields[field] ?? 0);
  return {
    ...(JSON.parse(head) as RunHead),
    state: state as RunState,
    ...(endedAtMs === undefined ? {} : { endedAtMs: Number(endedAtMs) }),
    read: count('read'),
    accepted: count('accepted'),
    unwanted: count('unwanted'),
    filtered: count('filtered'),
    rejected: count('rejected'),
    repeated: count('repeated'),
    rejections: words(fields.rejections, '\n').map((line) => {
      const [logId = '', code = ''] = line.split(' ');
      return { logId, code };
    }),
    unknownTypes: Object.fromEntries(
      Object.entries(fields)
        .filter(([field]) => field.startsWith(UNKNOWN))
        .map(([field, n]) => [field.slice(UNKNOWN.length), Number(n)]),
    ),
    ...(firstCheckpoint === undefined ? {} : { firstCheckpoint }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(newestMs === undefined ? {} : { newestMs: Number(newestMs) }),
    apiCalls: count('apiCalls'),
    waitedMs: { api: count('waitedApiMs'), ingest: count('waitedIngestMs') },
    ...(error === undefined ? {} : { error: JSON.parse(error) as RunError }),
    warnings: words(fields.warnings, ' ') as RunWarning[],
  };
}

function words(text: string | undefined, separator: string): string[] {
  return (text ?? '').split(separator).filter((word) => word !== '');
}
