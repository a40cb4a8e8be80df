import { compareLogIds, type Auth0Log } from '@logferry/auth0';
import {
  auth0Filter,
  type ReplayRequest,
  type RunKind,
  type RunWarning,
  type Source,
} from '@logferry/core';
import type { FeedPosition, RunLease } from '@logferry/sources';
import { ahead } from './ahead';
import type { HandOverPage, HandOverRules } from './hand-over-page';
import { isLateMeanwhile } from './late';
import type { RunProgress } from './run-progress';
import {
  isReplayed,
  readAgain,
  readOn,
  readReplay,
  type LogApi,
  type ReadPage,
} from './source-reader';

/** At 50 ms a page, what one second of a busy ingest takes. */
const PAGES_AHEAD = 4;
/** A log event may take a while until Auth0 shows it. */
const SILENT_MS = 15 * 60_000;

export interface ExecutionParts {
  run: { id: string; kind: RunKind; replay?: ReplayRequest | undefined; startedAtMs: number };
  tenantId: string;
  /** The source as it is now; nothing if it was switched off, removed, or is of another Auth0 tenant now. */
  source: () => Promise<Source | undefined>;
  lease: RunLease;
  api: LogApi;
  handOver: HandOverPage;
  progress: RunProgress;
  /** Written down and told at once: behind the next page, nobody could see it any more. */
  warn: (warning: RunWarning) => Promise<void>;
}

/** How a run ended that nothing went wrong with. */
export type Outcome = 'caught_up' | 'cancelled' | 'stopped';

/** One run of a source, from its position until it has read what there was when it began. */
export class SourceExecution {
  constructor(private readonly parts: ExecutionParts) {}

  async run(begun: FeedPosition): Promise<Outcome> {
    let position = await this.startFrom(begun);
    for (;;) {
      const outcome = await this.from(position);
      if (outcome !== 'moved') return outcome;
      this.parts.progress.tell('warn', 'the checkpoint was set: it goes on from there');
      position = await this.parts.lease.position();
    }
  }

  /** START_FROM counts when it is another one than the last: a run must not begin there again and again. */
  private async startFrom(position: FeedPosition): Promise<FeedPosition> {
    const { run, lease, progress } = this.parts;
    const source = await this.parts.source();
    if (run.kind === 'replay' || source?.startFrom === undefined) return position;
    const { startFrom, startFromInclusive } = source;
    const mark = JSON.stringify([startFrom, startFromInclusive]);
    if (position.startFrom === mark) return position;
    await lease.startFrom(mark, startFrom, startFromInclusive);
    progress.tell('info', `starts ${startFromInclusive ? 'at' : 'behind'} ${startFrom}`);
    return lease.position();
  }

  private async from(position: FeedPosition): Promise<Outcome | 'moved'> {
    const { handOver, source: find } = this.parts;
    let at = position;
    const { intent } = position;
    if (intent !== undefined) {
      const source = await find();
      if (source === undefined) return 'stopped';
      const told = await this.recover(position, source);
      await this.lookForLate(position);
      if (told !== undefined) return told;
      at = { ...position, checkpoint: intent.to, isInclusive: false };
    }
    const before = this.parts.progress.read;
    for await (const page of ahead(await this.pages(at), PAGES_AHEAD)) {
      const source = await find();
      if (source === undefined) return 'stopped';
      const told = await handOver.run(page, this.rules(source, position));
      if (told.isCancelled) return 'cancelled';
      await this.lookForLate(position);
      if (told.isMoved) return 'moved';
    }
    if (this.parts.progress.read === before) await this.lookForSilence(at);
    return 'caught_up';
  }

  private async pages(position: FeedPosition): Promise<AsyncGenerator<ReadPage, void>> {
    const { api, run, progress, source } = this.parts;
    const { replay, startedAtMs } = run;
    const take = (await source())?.batchSize ?? 1;
    const onGap = (checkpoint: string): Promise<void> => {
      progress.tell(
        'error',
        `Auth0 has deleted ${checkpoint}, and what came behind it may be lost`,
      );
      return this.parts.warn('gap');
    };
    const parts = { api, take, onGap, nowMs: Date.now() };
    return replay === undefined
      ? readOn(position, { ...parts, caughtUpFromMs: startedAtMs })
      : readReplay(position, { ...parts, replay, startedAtMs });
  }

  /** @returns how the run ends, if it does */
  private async recover(
    position: FeedPosition,
    source: Source,
  ): Promise<Outcome | 'moved' | undefined> {
    const { intent } = position;
    if (intent === undefined) return undefined;
    const { api, handOver, progress } = this.parts;
    progress.tell('warn', `goes on where another run stopped: ${intent.ids.length} once more`);
    const found = await readAgain(intent.ids, position, api);
    if (found.length < intent.ids.length) {
      await this.parts.warn('gap');
      progress.tell('error', `${intent.ids.length - found.length} of them are gone at Auth0`);
    }
    const rules = this.rules(source, position);
    const told = await handOver.again(intent, found, rules);
    if (told.isCancelled) return 'cancelled';
    return told.isMoved ? 'moved' : undefined;
  }

  private rules(source: Source, position: FeedPosition): HandOverRules {
    const { epoch, generation = '', resentUntil } = position;
    const { run, tenantId } = this.parts;
    const passes = auth0Filter(source);
    const { replay, startedAtMs, id } = run;
    if (replay !== undefined) {
      return {
        tenantId,
        source,
        feedName: `replay ${id}`,
        isWanted: (log: Auth0Log) => passes(log.type) && isReplayed(log, replay, startedAtMs),
        hasId: () => false,
        markedBy: replay.isMarked ? id : undefined,
      };
    }
    return {
      tenantId,
      source,
      feedName: `live ${generation} ${epoch}`,
      isWanted: ({ type }: Auth0Log) => passes(type),
      hasId: (log: Auth0Log) => resentUntil === undefined || compareLogIds(log.id, resentUntil) > 0,
    };
  }

  /** Nothing came: that may be the truth, or the silence of which nobody would ever hear. */
  private async lookForSilence({ checkpoint, newestMs }: FeedPosition): Promise<void> {
    const { api, run, progress } = this.parts;
    const nowMs = Date.now();
    if (run.kind === 'replay' || checkpoint === undefined) return;
    if (newestMs !== undefined && nowMs - newestMs < SILENT_MS) return;
    const newest = await api.newestLog();
    if (newest?.timeMs === undefined || newest.timeMs > nowMs - SILENT_MS) return;
    if (compareLogIds(newest.id, checkpoint) <= 0) return;
    progress.warnings.add('silent');
    progress.tell('error', `Auth0 has ${newest.id}, and gives nothing behind ${checkpoint}`);
  }

  private async lookForLate(begun: FeedPosition): Promise<void> {
    const { run, progress, warn } = this.parts;
    const { newestMs } = progress;
    const { kind, startedAtMs } = run;
    if (kind === 'replay') return;
    if (isLateMeanwhile(begun, { newestMs, startedAtMs }, Date.now())) await warn('late');
  }
}
