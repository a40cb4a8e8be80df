import type {
  ReplayRequest,
  RunError,
  RunKind,
  RunLogLine,
  RunState,
  RunWarning,
} from '@logferry/core';
import { randomBytes } from 'node:crypto';
import { readPosition, type FeedPosition, type Intent } from './feed-position';
import { failedRunsKey, lockKey, positionKey, runKey, runLogKey, runsKey } from './source-keys';
import type { Feed } from './source-keys';
import { sourceScripts, type SourceRedis, type SourceScripts } from './source-scripts';

/** How long a run whose process is silent keeps others from the feed. */
export const LEASE_MS = 10_000;
const LOG_LINES_MAX = 1_000;
const LOG_LINE_CHARS_MAX = 500;

/** The feed belongs to another process now: whatever is under way must end without another step. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** What a run is told whenever it moves something. */
export interface Told {
  isCancelled: boolean;
  /** Somebody has set the checkpoint: it goes on from there. */
  isMoved: boolean;
}

/** Counters of a run, by how much they grow. */
export interface RunGrowth {
  read?: number;
  accepted?: number;
  unwanted?: number;
  filtered?: number;
  rejected?: number;
  repeated?: number;
  apiCalls?: number;
  waitedApiMs?: number;
  waitedIngestMs?: number;
  unknownTypes?: Readonly<Record<string, number>>;
}

/** Up to where a feed was durably accepted. */
export interface SettledPage {
  checkpoint: string;
  newestMs?: number | undefined;
  rejections?: readonly { logId: string; code: string }[];
}

export interface RunEnd {
  state: Exclude<RunState, 'running'>;
  error?: RunError;
  warnings: readonly RunWarning[];
  /** Whether there was nothing more to read; nobody can say so where Auth0 gives nothing of what it has. */
  isCaughtUp: boolean | 'doubtful';
  atMs: number;
}

interface LeaseParts {
  redis: SourceRedis;
  scripts: SourceScripts;
  feed: Feed;
  token: string;
}

/**
 * The right to read a feed, held by one process at a time and for as long as it renews it. Everything that a run moves is moved with the
 * token of its lease, so that whoever has lost it, and does not know yet, moves nothing.
 */
export class RunLease {
  readonly feed: Feed;
  private readonly redis: SourceRedis;
  private readonly scripts: SourceScripts;
  private readonly token: string;
  private runId = '';
  private epoch = 0;

  private constructor({ redis, scripts, feed, token }: LeaseParts) {
    this.redis = redis;
    this.scripts = scripts;
    this.feed = feed;
    this.token = token;
  }

  /** @returns nothing if somebody else has it */
  static async take(redis: SourceRedis, feed: Feed): Promise<RunLease | undefined> {
    const scripts = sourceScripts(redis);
    const token = randomBytes(16).toString('base64url');
    const isOurs = (await scripts.lfSourceLock(lockKey(feed), token, LEASE_MS)) === 1;
    return isOurs ? new RunLease({ redis, scripts, feed, token }) : undefined;
  }

  /**
   * Writes down that a run begins. One that is found running, and whose process has died, is marked as interrupted; a replay that was
   * interrupted goes on with the same run.
   *
   * @param origin what is pulled from: a checkpoint of another one is forgotten
   * @returns nothing if the run has ended already
   */
  async begin(
    run: { id: string; kind: RunKind; replay?: ReplayRequest | undefined; atMs: number },
    origin: string,
  ): Promise<FeedPosition | undefined> {
    const { id, kind, replay, atMs } = run;
    const { tenantId, sourceId } = this.feed;
    this.runId = id;
    const before = await this.redis.hget(positionKey(this.feed), 'runId');
    const head = JSON.stringify({ id, tenantId, sourceId, kind, replay, startedAtMs: atMs });
    const begun = await this.scripts.lfSourceBegin(
      ...this.keys(),
      runsKey(this.feed),
      runKey(this.feed, before ?? id),
      ...[this.token, id, head, atMs, origin, randomBytes(9).toString('base64url')],
    );
    if (begun === -1) throw new LeaseLost();
    return begun === 0 ? undefined : this.position();
  }

  async position(): Promise<FeedPosition> {
    const position = readPosition(await this.redis.hgetall(positionKey(this.feed)));
    this.epoch = position.epoch;
    return position;
  }

  /** Keeps the lease. It must be called several times within `LEASE_MS`. */
  async renew(): Promise<Told> {
    const { token, epoch } = this;
    return told(await this.scripts.lfSourceRenew(...this.keys(), token, epoch, LEASE_MS));
  }

  /** Sets the checkpoint to where its owner wants it, once for each START_FROM. */
  async startFrom(startFrom: string, checkpoint: string, isInclusive: boolean): Promise<void> {
    const inclusive = isInclusive ? '1' : '';
    const epoch = await this.scripts.lfSourceStartFrom(
      ...this.keys(),
      ...[this.token, checkpoint, inclusive, startFrom],
    );
    if (epoch === -1) throw new LeaseLost();
    this.epoch = epoch;
  }

  /** Stores what is about to be handed over. */
  async intend(intent: Intent): Promise<Told> {
    const { token, epoch } = this;
    const json = JSON.stringify(intent);
    return told(await this.scripts.lfSourceIntend(...this.keys(), token, epoch, json));
  }

  /** Moves the checkpoint behind a page that is durably accepted, forgets the intent, and counts, in one step. */
  settle(page: SettledPage, growth: RunGrowth): Promise<Told> {
    return this.move(page, growth);
  }

  /** Counts what has no checkpoint: calls, waits. */
  count(growth: RunGrowth): Promise<Told> {
    return this.move(undefined, growth);
  }

  /** What its owner should know, written down at once: a run that dies ends without a word. */
  async warn(warning: RunWarning): Promise<void> {
    const warned = await this.scripts.lfSourceWarn(...this.keys(), this.token, warning);
    if (warned === -1) throw new LeaseLost();
  }

  async end({ state, error, warnings, isCaughtUp, atMs }: RunEnd): Promise<void> {
    const ended = await this.scripts.lfSourceEnd(
      ...this.keys(),
      failedRunsKey(this.feed),
      ...[this.token, this.runId, state, atMs],
      ...[error === undefined ? '' : JSON.stringify(error), warnings.join(' ')],
      isCaughtUp === 'doubtful' ? '0' : isCaughtUp ? '1' : '',
    );
    if (ended === -1) throw new LeaseLost();
  }

  /** Gives it back without a run, or after one that could not be ended. */
  async release(): Promise<void> {
    await this.scripts.lfSourceUnlock(lockKey(this.feed), this.token);
  }

  async log(level: RunLogLine['level'], text: string): Promise<void> {
    const { feed, runId } = this;
    const line = text.slice(0, LOG_LINE_CHARS_MAX);
    await this.scripts.lfSourceLog(
      ...[runKey(feed, runId), runLogKey(feed, runId)],
      ...[LOG_LINES_MAX, level, line],
    );
  }

  private async move(page: SettledPage | undefined, growth: RunGrowth): Promise<Told> {
    const { unknownTypes = {}, ...counters } = growth;
    const fields = [
      ...Object.entries(counters),
      ...Object.entries(unknownTypes).map(([type, n]) => [`unknown:${type}`, n] as const),
    ].flatMap(([field, n]) => [field, Math.round(n ?? 0)]);
    const rejections = (page?.rejections ?? []).map(({ logId, code }) => `${logId} ${code}\n`);
    return told(
      await this.scripts.lfSourceSettle(
        ...this.keys(),
        ...[this.token, this.epoch, page?.checkpoint ?? '', page?.newestMs ?? ''],
        rejections.join(''),
        ...fields,
      ),
    );
  }

  private keys(): [string, string, string] {
    return [lockKey(this.feed), positionKey(this.feed), runKey(this.feed, this.runId)];
  }
}

function told(bits: number): Told {
  if (bits === -1) throw new LeaseLost();
  return { isCancelled: (bits & 1) !== 0, isMoved: (bits & 2) !== 0 };
}
