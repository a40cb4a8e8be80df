import type { Auth0Log } from '@logferry/auth0';
import { auth0LogTypes, backoffMs, Failure, type RunWarning, type Source } from '@logferry/core';
import type { Intent, RunGrowth, RunLease, Told } from '@logferry/sources';
import { hash, randomBytes } from 'node:crypto';
import type { IngestClient } from './ingest-client';
import { logEventLine } from './log-event-line';
import type { RunProgress } from './run-progress';
import type { ReadPage } from './source-reader';

/** Well below what ingest takes in one request, unless somebody has made that small. */
const PART_BYTES_MAX = 4 * 1024 * 1024;
const BACKOFF = { firstMs: 250, mostMs: 15_000 } as const;
const UNKNOWN_TYPES_MAX = 200;
const REJECTIONS_A_PAGE = 10;

interface HandOverParts {
  lease: RunLease;
  ingest: Pick<IngestClient, 'send'>;
  progress: RunProgress;
  /** Written down and told at once: behind the next page, nobody could see it any more. */
  warn: (warning: RunWarning) => Promise<void>;
  holdMs: number;
  wait: (ms: number) => Promise<void>;
}

/** What of a page is handed over, and how. */
export interface HandOverRules {
  tenantId: string;
  source: Source;
  /** Of the replay, or of the live feed since its checkpoint was set last: the same log events for it are the same request. */
  feedName: string;
  isWanted: (log: Auth0Log) => boolean;
  hasId: (log: Auth0Log) => boolean;
  markedBy?: string | undefined;
}

/** A part of a page that is handed over in one request. */
interface Part {
  logs: readonly Auth0Log[];
  wanted: readonly Auth0Log[];
  lines: readonly string[];
}

/** What became of a part. */
interface Settled {
  growth: RunGrowth;
  rejected?: readonly { index: number; code: string }[];
  unwanted?: number;
}

/**
 * Hands pages over to ingest, one after the other. Before each, what is about to be handed over is stored; behind it, checkpoint and
 * counters move in one step. So a crash at any moment leaves either nothing done, or an intent that says what may have been.
 */
export class HandOverPage {
  constructor(private readonly parts: HandOverParts) {}

  async run(page: ReadPage, rules: HandOverRules): Promise<Told> {
    let told: Told = { isCancelled: false, isMoved: false };
    for (const part of inParts(page, rules)) {
      told = await this.part(part, rules);
      if (told.isCancelled || told.isMoved) return told;
    }
    return told;
  }

  /** What somebody was about to hand over before his process died: exactly that once more, under the same key. */
  async again(intent: Intent, found: readonly Auth0Log[], rules: HandOverRules): Promise<Told> {
    const lines = found.map((log) => lineOf(log, rules));
    const isWhole = found.length === intent.ids.length;
    const missing = intent.ids.length - found.length;
    const part = { logs: found, wanted: found, lines };
    const growth = {
      read: intent.read - missing,
      filtered: intent.read - intent.ids.length,
    };
    // Of a page that is no longer whole, nobody can say any more whether it was taken: twice is better than never.
    const key = isWhole ? intent.key : `${intent.key}-${randomBytes(6).toString('hex')}`;
    return this.send({ ...intent, key, ids: found.map(({ id }) => id) }, part, {
      rules,
      growth: isWhole ? growth : { ...growth, repeated: found.length },
    });
  }

  private async part(part: Part, rules: HandOverRules): Promise<Told> {
    const { logs, wanted } = part;
    const { source, tenantId, feedName } = rules;
    const growth: RunGrowth = {
      read: logs.length,
      filtered: logs.length - wanted.length,
      unknownTypes: unknownTypes(wanted),
    };
    const to = logs.at(-1)?.id ?? '';
    const ids = wanted.map(({ id }) => id);
    const { eventType, scope } = source;
    const named = JSON.stringify([tenantId, source.id, source.domain, feedName, ids]);
    const key = hash('sha256', named, 'base64url');
    const intent = { key, ids, to, read: logs.length, eventType, scope };
    return this.send(intent, part, { rules, growth });
  }

  private async send(
    intent: Intent,
    part: Part,
    { rules, growth }: { rules: HandOverRules; growth: RunGrowth },
  ): Promise<Told> {
    const { lease, ingest, progress } = this.parts;
    if (part.lines.length === 0) return this.settle(intent, part, { growth });
    const { eventType: type, scope } = intent;
    const told = await lease.intend(intent);
    if (told.isCancelled || told.isMoved) return told;
    const { tenantId } = rules;
    const outgoing = { tenantId, type, scope, lines: part.lines, idempotencyKey: intent.key };
    let sinceMs: number | undefined;
    for (let attempt = 1; ; attempt++) {
      const answer = await ingest.send(outgoing);
      switch (answer.kind) {
        case 'accepted':
          return this.settle(intent, part, { growth, ...answer });
        case 'key_reused': {
          progress.tell('warn', 'Auth0 gives these log events otherwise than before: sent anew');
          const key = `${intent.key}-${randomBytes(6).toString('hex')}`;
          const repeated = (growth.repeated ?? 0) + part.lines.length;
          return this.send({ ...intent, key }, part, { rules, growth: { ...growth, repeated } });
        }
        case 'too_large':
          return this.smaller(intent, part, { rules, growth });
        case 'refused':
          throw new Failure('source.ingest_refused', { detail: answer.why });
        case 'later': {
          sinceMs ??= Date.now();
          const waitMs = Math.max(answer.waitMs ?? 0, backoffMs(attempt, Math.random(), BACKOFF));
          if (Date.now() - sinceMs + waitMs > this.parts.holdMs)
            throw new Failure(
              answer.isBacklog ? 'source.backlog_full' : 'source.ingest_unavailable',
              { detail: answer.why },
            );
          if (attempt === 1) progress.tell('warn', `ingest takes nothing just now: ${answer.why}`);
          progress.waited('ingest', waitMs);
          await this.parts.wait(waitMs);
        }
      }
    }
  }

  /** In two halves; a single log event that is too large will be so for ever. */
  private async smaller(
    intent: Intent,
    part: Part,
    { rules, growth }: { rules: HandOverRules; growth: RunGrowth },
  ): Promise<Told> {
    const { wanted, logs } = part;
    if (wanted.length === 1)
      return this.settle(intent, part, {
        growth,
        rejected: [{ index: 0, code: 'request.too_large' }],
      });
    const second = wanted[wanted.length >> 1];
    const middle = logs.findIndex((log) => log === second);
    const halves = [logs.slice(0, middle), logs.slice(middle)];
    let told: Told = { isCancelled: false, isMoved: false };
    for (const half of halves) {
      told = await this.part(partOf(half, rules), rules);
      if (told.isCancelled || told.isMoved) return told;
    }
    return told;
  }

  private async settle(
    intent: Intent,
    { wanted, logs }: Part,
    { growth, rejected = [], unwanted = 0 }: Settled,
  ): Promise<Told> {
    const { lease, progress, warn } = this.parts;
    const times = logs.map(({ timeMs }) => timeMs).filter((timeMs) => timeMs !== undefined);
    const newestMs = times.length === 0 ? undefined : Math.max(...times);
    progress.saw(newestMs);
    const rejections = rejected.slice(0, REJECTIONS_A_PAGE).map(({ index, code }) => ({
      logId: wanted[index]?.id ?? '',
      code,
    }));
    for (const { logId, code } of rejections)
      progress.tell('error', `${logId} is refused: ${code}`);
    if (rejected.length > 0) await warn('rejected');
    if (unwanted > 0) await warn('unwanted');
    const grown = {
      ...growth,
      ...progress.take(),
      accepted: wanted.length - rejected.length,
      unwanted,
      rejected: rejected.length,
    };
    const told = await lease.settle({ checkpoint: intent.to, newestMs, rejections }, grown);
    progress.settled(grown, intent.to);
    return told;
  }
}

function lineOf(log: Auth0Log, { hasId, markedBy }: HandOverRules): string {
  return logEventLine(log, { hasId: hasId(log), markedBy });
}

function partOf(logs: readonly Auth0Log[], rules: HandOverRules): Part {
  const wanted = logs.filter(rules.isWanted);
  return { logs, wanted, lines: wanted.map((log) => lineOf(log, rules)) };
}

/** Mostly one: a page of large log events is more than one request may hold. */
function inParts({ logs }: ReadPage, rules: HandOverRules): Part[] {
  const whole = partOf(logs, rules);
  const bytes = whole.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  if (bytes <= PART_BYTES_MAX || logs.length < 2) return [whole];
  const middle = logs.length >> 1;
  return [logs.slice(0, middle), logs.slice(middle)].flatMap((half) =>
    inParts({ logs: half, checkpoint: '' }, rules),
  );
}

/** A type that nobody knows is named, but not without end: it is Auth0 that names them. */
function unknownTypes(logs: readonly Auth0Log[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of logs) {
    if (auth0LogTypes.has(type) || counts.size >= UNKNOWN_TYPES_MAX) continue;
    const name = /^[\w.-]{1,100}$/.test(type) ? type : '?';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
