import { ManagementApi, Pacer, type Auth0Reach } from '@logferry/auth0';
import {
  Failure,
  failureKinds,
  type FailureCode,
  type Notification,
  type RunError,
  type RunKind,
  type RunState,
  type RunWarning,
  type Source,
} from '@logferry/core';
import type { Logger } from '@logferry/runtime';
import {
  LEASE_MS,
  LeaseLost,
  newRunId,
  RunLease,
  type FeedPosition,
  type RunBounds,
  type RunEnd,
  type RunJob,
  type SourceRedis,
  type SourceRuns,
} from '@logferry/sources';
import { setTimeout as delay } from 'node:timers/promises';
import { HandOverPage } from './hand-over-page';
import { IngestClient } from './ingest-client';
import { isBehind, isLate } from './late';
import { patiently } from './patience';
import type { PollerMetrics } from './poller-metrics';
import { RunProgress } from './run-progress';
import { SourceExecution } from './source-execution';
import type { LogApi } from './source-reader';
import { checkTaken, type FindTenant } from './taken-source';

/** Where sources are looked up. */
export interface FindSource {
  source(tenantId: string, sourceId: string): Promise<Source | undefined>;
}

/** Whoever has tokens of the Management API. */
export interface SourceTokens {
  token(tenantId: string, source: Source, refused?: string): Promise<string>;
}

export interface RunSourceParts {
  redis: SourceRedis;
  directory: FindSource & FindTenant;
  /** The same as it is stored now. */
  store: FindSource & FindTenant;
  tokens: SourceTokens;
  runs: SourceRuns;
  notify: (notification: Notification) => Promise<void>;
  ingest: ConstructorParameters<typeof IngestClient>[0];
  reach: Auth0Reach;
  metrics: PollerMetrics;
  log: Logger;
  bounds: RunBounds;
  requestTimeoutMs: number;
  holdMs: number;
}

type Ended = Omit<RunEnd, 'warnings' | 'atMs'> & { isToComeBack?: boolean };

/** The job is to come back: nothing is wrong, and nothing is done. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
}

/** Told to a run that must end, by the signal that everything in it waits with. */
class Told extends Error {
  constructor(readonly why: 'cancelled' | 'stopping') {
    super(why);
  }
}

const RENEWALS = 4;

/** After silence the next run looks whether its checkpoint is still there: that may be what Auth0 gives nothing behind. */
function caughtUp(kind: RunKind, { warnings }: RunProgress): RunEnd['isCaughtUp'] {
  if (kind === 'replay') return false;
  return warnings.has('silent') ? 'doubtful' : true;
}

/** However it ended: whoever is behind may well be so since no run of his comes to its end. */
function isLateAtLast(begun: FeedPosition, state: RunState, { newestMs }: RunProgress): boolean {
  const nowMs = Date.now();
  if (newestMs !== undefined) return isLate(newestMs, nowMs);
  return state !== 'succeeded' && isBehind(begun, nowMs);
}

/** What happened, for whoever wants to be told. */
const WARNED = {
  gap: ['source.gap', 'source.checkpoint_gone'],
  late: ['source.late', 'source.late'],
  silent: ['source.silent', 'source.silent'],
  rejected: ['source.rejected', 'source.rejected'],
  unwanted: ['source.unwanted', 'source.unwanted'],
} as const;

const withError = (error: RunError | undefined): { error?: RunError } =>
  error === undefined ? {} : { error };

/** Runs a source when it is due: takes the lease, writes down that a run begins, reads and hands over, writes down how it ended. */
export class RunSource {
  private readonly pacers = new Map<string, Pacer>();
  private readonly underWay = new Set<AbortController>();
  private isStopping = false;

  constructor(private readonly parts: RunSourceParts) {}

  /** @throws if the job is to come back: a replay must not be lost, while a scheduled run is due again soon anyway */
  async run(job: RunJob): Promise<void> {
    const { tenantId, sourceId, kind, runId } = job;
    const source = await this.find(job);
    if (source === undefined) return;
    const replayId = kind === 'replay' ? runId : undefined;
    const lease = await RunLease.take(this.parts.redis, { tenantId, sourceId, replayId });
    if (lease === undefined) {
      if (kind === 'replay') throw new NotNow('another process has this replay');
      return;
    }
    this.parts.metrics.running++;
    try {
      await this.withLease(lease, { job, source });
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error;
      this.parts.log.warn({ tenantId, sourceId }, 'a run ends: another process has its source');
      // Or nobody, if Redis was away for longer than the lease lasts: a scheduled run is due again soon, and a replay is not.
      if (kind === 'replay') throw new NotNow('the replay goes on elsewhere, or comes back');
    } finally {
      this.parts.metrics.running--;
      await lease.release().catch(() => undefined);
    }
    await this.parts.runs.trim(job, this.parts.bounds);
  }

  /** Ends what is under way at its next step. */
  stop(): void {
    this.isStopping = true;
    for (const controller of this.underWay) controller.abort(new Told('stopping'));
  }

  private async withLease(
    lease: RunLease,
    { job, source }: { job: RunJob; source: Source },
  ): Promise<void> {
    const startedAtMs = Date.now();
    const id = job.runId ?? newRunId(startedAtMs);
    const { kind, replay } = job;
    const position = await lease.begin({ id, kind, replay, atMs: startedAtMs }, source.domain);
    if (position === undefined) return;
    const controller = new AbortController();
    this.underWay.add(controller);
    if (this.isStopping) controller.abort(new Told('stopping'));
    const renewing = setInterval(() => void this.renew(lease, controller), LEASE_MS / RENEWALS);
    const progress = new RunProgress(lease, this.parts.metrics, this.parts.log);
    progress.tell('info', `begins behind ${position.checkpoint ?? 'nothing: with the oldest'}`);
    let ended: Ended;
    try {
      const parts = { job, lease, progress, signal: controller.signal };
      // A replay without an end has what there was when it began, also if it goes on somewhere else later.
      const begun = kind === 'replay' ? await this.parts.runs.run(job, id) : undefined;
      const execution = this.execution(
        { id, startedAtMs: begun?.startedAtMs ?? startedAtMs, domain: source.domain },
        parts,
      );
      const outcome = await execution.run(position);
      ended =
        outcome === 'caught_up'
          ? { state: 'succeeded', isCaughtUp: caughtUp(kind, progress) }
          : { state: 'cancelled', isCaughtUp: false };
    } catch (error) {
      ended = this.endOf(error, job);
    } finally {
      clearInterval(renewing);
      this.underWay.delete(controller);
      // What it has asked for in advance, and would go on asking for, is nobody's.
      controller.abort(new Told('stopping'));
    }
    await this.end(lease, { id, job, begun: position, ended, progress });
  }

  private execution(
    run: { id: string; startedAtMs: number; domain: string },
    parts: { job: RunJob; lease: RunLease; progress: RunProgress; signal: AbortSignal },
  ): SourceExecution {
    const { job, lease, progress, signal } = parts;
    const { kind, replay, tenantId } = job;
    const wait = async (ms: number): Promise<void> => {
      await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    };
    const ingest = new IngestClient(this.parts.ingest, signal);
    const { holdMs } = this.parts;
    const warn = async (warning: RunWarning): Promise<void> => {
      if (progress.warnings.has(warning)) return;
      progress.warnings.add(warning);
      await lease.warn(warning);
      await this.tellWarnings(run.id, { job, progress });
    };
    return new SourceExecution({
      run: { id: run.id, kind, replay, startedAtMs: run.startedAtMs },
      tenantId,
      source: async () => {
        signal.throwIfAborted();
        const source = await this.find(job);
        if (source?.domain !== run.domain) return undefined;
        await checkTaken(tenantId, source, { ...this.parts, wait });
        return source;
      },
      lease,
      progress,
      warn,
      api: this.api(run.domain, { ...parts, wait }),
      handOver: new HandOverPage({ lease, ingest, progress, warn, holdMs, wait }),
    });
  }

  /** The log of an Auth0 tenant, with the patience of a run. */
  private api(
    domain: string,
    parts: {
      job: RunJob;
      progress: RunProgress;
      signal: AbortSignal;
      wait: (ms: number) => Promise<void>;
    },
  ): LogApi {
    const { job, progress, signal, wait } = parts;
    const { reach, requestTimeoutMs: timeoutMs, tokens, holdMs } = this.parts;
    const api = new ManagementApi({
      reach,
      domain,
      timeoutMs,
      signal,
      wait,
      pacer: this.pacerOf(domain),
      token: async (refused) => {
        const source = await this.find(job);
        if (source?.domain !== domain) throw new Told('cancelled');
        return tokens.token(job.tenantId, source, refused);
      },
      onCall: ({ status }) => progress.called(status),
      onWait: (ms) => progress.waited('api', ms),
    });
    const onTrouble = (failure: Failure, waitMs: number): void => {
      progress.waited('api', waitMs);
      progress.tell('warn', `${failure.publicMessage} Tried again in ${Math.ceil(waitMs)} ms.`);
    };
    const patient = <T>(work: () => Promise<T>): Promise<T> =>
      patiently(work, { holdMs, wait, onTrouble });
    return {
      logsAfter: (from, take) => patient(() => api.logsAfter(from, take)),
      oldestLogs: (page, sinceMs) => patient(() => api.oldestLogs(page, sinceMs)),
      newestLog: () => patient(() => api.newestLog()),
      log: (id) => patient(() => api.log(id)),
    };
  }

  /** One for all runs of this process at the same Auth0 tenant: the limit is that tenant's. */
  private pacerOf(domain: string): Pacer {
    let pacer = this.pacers.get(domain);
    if (pacer === undefined) {
      pacer = new Pacer();
      this.pacers.set(domain, pacer);
    }
    return pacer;
  }

  private async renew(lease: RunLease, controller: AbortController): Promise<void> {
    try {
      const { isCancelled } = await lease.renew();
      if (isCancelled) controller.abort(new Told('cancelled'));
    } catch (error) {
      // While Redis is away, the lease may be another's by the time it is back: the next step tells.
      if (error instanceof LeaseLost) controller.abort(error);
    }
  }

  /** @throws LeaseLost, since then it is nobody's to write down how it ended */
  private endOf(error: unknown, { kind, tenantId, sourceId }: RunJob): Ended {
    if (error instanceof LeaseLost) throw error;
    if (error instanceof Told) {
      if (error.why === 'cancelled') return { state: 'cancelled', isCaughtUp: false };
      return { state: 'interrupted', isCaughtUp: false, isToComeBack: kind === 'replay' };
    }
    const code: FailureCode = error instanceof Failure ? error.code : 'source.fault';
    const detail = error instanceof Failure ? error.detail : undefined;
    const level = code === 'source.fault' ? 'error' : 'warn';
    this.parts.log[level]({ tenantId, sourceId, code, detail, err: error }, 'a run failed');
    const { publicMessage: message } = failureKinds[code];
    return { state: 'failed', isCaughtUp: false, error: { code, message } };
  }

  private async end(
    lease: RunLease,
    of: { id: string; job: RunJob; begun: FeedPosition; ended: Ended; progress: RunProgress },
  ): Promise<void> {
    const { id, job, begun, ended, progress } = of;
    const { isToComeBack, ...end } = ended;
    const { tenantId, sourceId } = job;
    if (job.kind !== 'replay' && isLateAtLast(begun, end.state, progress))
      progress.warnings.add('late');
    await lease.count(progress.take());
    progress.tell(end.error === undefined ? 'info' : 'error', end.error?.message ?? end.state);
    const ending = { ...end, warnings: [...progress.warnings], atMs: Date.now() };
    // Told first: whoever dies in between has told of a run that failed and is said to be interrupted, and not kept silent.
    await this.tellOwner(id, { job, ending, progress }).catch((error: unknown) =>
      this.parts.log.error(
        { tenantId, sourceId, err: error },
        'nobody can be told how a run ended',
      ),
    );
    await lease.end(ending);
    this.parts.metrics.ended(end.state, end.error?.code ?? '');
    this.parts.log.info({ tenantId, sourceId, runId: id, state: end.state }, 'a run ended');
    if (isToComeBack === true) throw new NotNow('this process stops: the replay goes on elsewhere');
  }

  private async tellOwner(
    id: string,
    { job, ending, progress }: { job: RunJob; ending: RunEnd; progress: RunProgress },
  ): Promise<void> {
    await this.tellWarnings(id, { job, progress });
    const { state, error, warnings, atMs } = ending;
    if (state !== 'failed' && state !== 'succeeded') return;
    const { runs, notify } = this.parts;
    const { tenantId, sourceId } = job;
    const written = await runs.run(job, id);
    if (written === undefined) return;
    const run = {
      ...written,
      state,
      endedAtMs: atMs,
      warnings: [...warnings],
      ...withError(error),
    };
    const kind = state === 'failed' ? 'run.failed' : 'run.succeeded';
    await notify({ id: `run:${id}`, kind, tenantId, atMs, about: { sourceId }, run, ...error });
  }

  /** Once a day, however often: a run comes every five minutes. */
  private async tellWarnings(
    id: string,
    { job, progress }: { job: RunJob; progress: RunProgress },
  ): Promise<void> {
    const { runs, notify } = this.parts;
    const { tenantId, sourceId } = job;
    const run = await runs.run(job, id);
    if (run === undefined) return;
    const atMs = Date.now();
    const day = new Date(atMs).toISOString().slice(0, 10);
    const told = { tenantId, atMs, about: { sourceId } };
    for (const [warning, [kind, code]] of Object.entries(WARNED)) {
      if (!progress.warnings.has(warning as keyof typeof WARNED)) continue;
      const { publicMessage: message } = failureKinds[code];
      await notify({ ...told, id: `${kind}:${sourceId}:${day}`, kind, code, message, run });
    }
  }

  /** @returns nothing for a source that is not to run */
  private async find({ tenantId, sourceId }: RunJob): Promise<Source | undefined> {
    const { directory, store } = this.parts;
    const source = await directory.source(tenantId, sourceId);
    if (source?.enabled === true) return source;
    // The directory is a moment behind: a run of what was made or switched on just now would be one that nobody hears of.
    const stored = await store.source(tenantId, sourceId);
    return stored?.enabled === true ? stored : undefined;
  }
}
