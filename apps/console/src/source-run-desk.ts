import type { SourceRun } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import type { RunQueue, SourceRuns } from '@logferry/sources';
import type { ConfigStore } from '@logferry/store';
import { setTimeout as delay } from 'node:timers/promises';
import { parseConfig } from './config-problem';
import { mayWrite } from './config-write';
import { storedSource } from './source-desk';
import { report, reportRequest, type Report } from './source-report';
import {
  CheckpointBody,
  lineView,
  ReplayBody,
  replayRequest,
  runView,
  statusView,
  type LogLineView,
  type RunView,
  type StatusView,
} from './source-view';

interface SourceRunDeskParts {
  store: ConfigStore;
  runs: SourceRuns;
  queue: RunQueue;
  readOnly: boolean;
}

export interface SourceAddress {
  tenantId: string;
  sourceId: string;
}

/** Which runs are asked for; the first page is 0, and has the newest. */
export interface RunsRequest {
  page: number;
  perPage: number;
  onlyFailed: boolean;
}

const FOLLOWERS_MAX = 64;
/** One tenant's must leave room for those of others. */
const FOLLOWERS_OF_TENANT_MAX = 16;
/** Then whoever still listens asks again from where he was: nothing is open for ever. */
const FOLLOWED_MS_MAX = 10 * 60_000;
const LOOK_MS = 500;
/** Runs that may be under way beside a replay or two. */
const LOOKED_THROUGH = 10;

/** What may be known and done of the runs of a tenant's sources. */
export class SourceRunDesk {
  private readonly ending = new AbortController();
  /** How many follow runs of each tenant. */
  private readonly followers = new Map<string, number>();

  constructor(private readonly parts: SourceRunDeskParts) {}

  /** Nest calls it before it waits for requests that are under way: whoever follows a run must not keep the process from ending. */
  onModuleDestroy(): void {
    this.ending.abort();
  }

  /** @throws RequestProblem if there is no such source */
  async status(at: SourceAddress): Promise<StatusView> {
    const { store, runs, queue } = this.parts;
    const source = await storedSource(store, at.tenantId, at.sourceId);
    const [position, nextRunMs, lastRun] = await Promise.all([
      runs.position(at),
      source.enabled ? queue.nextRunAtMs(at) : undefined,
      runs.latest(at),
    ]);
    return statusView(source, position, { nextRunMs, lastRun });
  }

  /** @throws RequestProblem */
  async setCheckpoint(at: SourceAddress, body: unknown): Promise<StatusView> {
    await this.mayChange(at);
    await this.parts.runs.setCheckpoint(at, parseConfig(CheckpointBody, body));
    return this.status(at);
  }

  /**
   * @returns the id of the run that is asked for
   * @throws RequestProblem if it would not run
   */
  async runNow(at: SourceAddress): Promise<string> {
    await this.mayRun(at);
    const { runs } = await this.parts.runs.page(at, { page: 0, perPage: LOOKED_THROUGH });
    const running = runs.find(({ kind, state }) => state === 'running' && kind !== 'replay');
    if (running !== undefined) {
      throw new RequestProblem(409, 'source.running', 'the source runs already').with({
        runId: running.id,
      });
    }
    return this.parts.queue.runNow(at);
  }

  /** @throws RequestProblem */
  async replay(at: SourceAddress, body: unknown): Promise<string> {
    await this.mayRun(at);
    const runId = await this.parts.queue.replay(at, replayRequest(parseConfig(ReplayBody, body)));
    if (runId !== undefined) return runId;
    throw new RequestProblem(
      409,
      'source.too_many_replays',
      'as many replays of this source wait or run as may; cancel one, or wait for its end',
    );
  }

  /** @throws RequestProblem */
  async list(at: SourceAddress, asked: RunsRequest): Promise<{ runs: RunView[]; total: number }> {
    await this.mustBe(at);
    const { runs, total } = await this.parts.runs.page(at, asked);
    return { runs: runs.map(runView), total };
  }

  /** @throws RequestProblem */
  async show(at: SourceAddress, runId: string): Promise<RunView> {
    return runView(await this.run(at, runId));
  }

  /** @throws RequestProblem if there is nothing to cancel */
  async cancel(at: SourceAddress, runId: string): Promise<void> {
    await this.mayChange(at);
    await this.run(at, runId);
    if (await this.parts.runs.cancel(at, runId)) return;
    throw new RequestProblem(409, 'source.run_ended', 'the run has ended already');
  }

  /** What was logged so far. @throws RequestProblem */
  async log(at: SourceAddress, runId: string, after: string | undefined): Promise<LogLineView[]> {
    await this.run(at, runId);
    return (await this.parts.runs.log(at, runId, { after })).map(lineView);
  }

  /**
   * Lines as they come, and the run itself when it has ended.
   *
   * @param gone says when nobody listens any more
   * @throws RequestProblem before the first line
   */
  async follow(
    at: SourceAddress & { runId: string },
    after: string | undefined,
    gone: AbortSignal,
  ): Promise<AsyncGenerator<object, void, void>> {
    await this.run(at, at.runId);
    const all = [...this.followers.values()].reduce((sum, count) => sum + count, 0);
    const own = this.followers.get(at.tenantId) ?? 0;
    if (all >= FOLLOWERS_MAX || own >= FOLLOWERS_OF_TENANT_MAX) {
      throw new RequestProblem(
        503,
        'console.too_many_followers',
        'too many follow runs already; ask for the lines without following',
        { 'retry-after': '30' },
      );
    }
    return this.linesOf(at, after, AbortSignal.any([gone, this.ending.signal]));
  }

  /** What Auth0's extension told of its runs. @throws RequestProblem */
  async report(at: SourceAddress, query: unknown): Promise<Report> {
    await this.mustBe(at);
    const { runs } = this.parts;
    const [page, latest] = await Promise.all([
      runs.page(at, reportRequest(query)),
      runs.latest(at),
    ]);
    return report(page, latest);
  }

  private async *linesOf(
    { runId, ...at }: SourceAddress & { runId: string },
    after: string | undefined,
    end: AbortSignal,
  ): AsyncGenerator<object, void, void> {
    const { runs } = this.parts;
    const until = Date.now() + FOLLOWED_MS_MAX;
    let place = after;
    this.countFollower(at.tenantId, 1);
    try {
      while (!end.aborted && Date.now() < until) {
        // Looked at before its lines: what it logs before it ends is there when it has.
        const run = await runs.run(at, runId);
        const lines = await runs.log(at, runId, { after: place });
        yield* lines.map(lineView);
        place = lines.at(-1)?.place ?? place;
        if (lines.length > 0) continue;
        if (run === undefined) return;
        if (run.state !== 'running') {
          yield { run: runView(run) };
          return;
        }
        await delay(LOOK_MS, undefined, { signal: end }).catch(() => undefined);
      }
    } finally {
      this.countFollower(at.tenantId, -1);
    }
  }

  private countFollower(tenantId: string, change: 1 | -1): void {
    const count = (this.followers.get(tenantId) ?? 0) + change;
    if (count > 0) this.followers.set(tenantId, count);
    else this.followers.delete(tenantId);
  }

  private async run(at: SourceAddress, runId: string): Promise<SourceRun> {
    await this.mustBe(at);
    // It becomes part of a name in Redis.
    const isId = /^[\w-]{1,64}$/.test(runId);
    const run = isId ? await this.parts.runs.run(at, runId) : undefined;
    if (run !== undefined) return run;
    throw new RequestProblem(
      404,
      'source.unknown_run',
      'there is no such run: it has not begun yet, or is too long ago',
    );
  }

  /** A poller leaves out what is asked of a source that is off: a run that was promised would never be. */
  private async mayRun(at: SourceAddress): Promise<void> {
    const { enabled } = await this.mayChange(at);
    if (enabled) return;
    throw new RequestProblem(409, 'source.paused', 'the source is paused; resume it first');
  }

  private async mayChange(at: SourceAddress): Promise<{ enabled: boolean }> {
    mayWrite(this.parts.readOnly);
    return this.mustBe(at);
  }

  private mustBe({ tenantId, sourceId }: SourceAddress): Promise<{ enabled: boolean }> {
    return storedSource(this.parts.store, tenantId, sourceId);
  }
}
