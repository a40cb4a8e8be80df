import { compareLogIds, type Auth0Log, type ManagementApi } from '@logferry/auth0';
import { AUTH0_PAGE_MAX, Failure, type ReplayRequest } from '@logferry/core';
import type { FeedPosition } from '@logferry/sources';

/** What was read in one go. */
export interface ReadPage {
  logs: readonly Auth0Log[];
  /** Behind which log event it goes on, once all of these are accepted. */
  checkpoint: string;
}

export type LogApi = Pick<ManagementApi, 'logsAfter' | 'oldestLogs' | 'log' | 'newestLog'>;

interface ReaderParts {
  api: LogApi;
  /** Log events of one page. */
  take: number;
  /** Told when Auth0 has deleted what lies behind the checkpoint, before anything of what is left is given. */
  onGap: (checkpoint: string) => Promise<void>;
  nowMs: number;
  /** When the run began, if it ends with having read what there was then; else it goes on until there is nothing. */
  caughtUpFromMs?: number;
}

/** The shortest that Auth0 keeps log events is a day: what was read to its end since then cannot have a gap. */
const GAP_AFTER_MS = 20 * 3_600_000;
/** Log events come in the order of their ids, not of their times; nothing is later than this. */
const SKEW_MS = 15 * 60_000;
/** Of a hundred each: Auth0 gives no more than a thousand by one search. */
const SEARCH_PAGES_MAX = 10;
/** What the oldest are looked for in: ten thousand. */
const SEARCHES_MAX = 10;

/**
 * Reads the log from a position on: page behind page, until there is nothing more, or little, and that is newer than the run. Where
 * something happens at every moment no page is ever empty, and the run would have no end that anybody could be told of.
 *
 * Where there is no checkpoint yet, the oldest log event is looked for by its date, and read alone. A page of the oldest by date is not one
 * of the oldest by id: to go on behind its last one would skip those that came a moment later with an earlier id.
 */
export async function* readOn(
  position: FeedPosition,
  parts: ReaderParts,
): AsyncGenerator<ReadPage, void> {
  const { api } = parts;
  let from = position.checkpoint;
  if (from === undefined) {
    const oldest = await earliest(api);
    if (oldest === undefined) return;
    yield pageOf([oldest]);
    from = oldest.id;
  } else {
    const isKnown = await startsWell(position, from, parts);
    if (isKnown.first !== undefined) {
      yield pageOf([isKnown.first]);
      from = isKnown.first.id;
    }
  }
  for (;;) {
    const { logs, isShort } = await logsBehind(from, position, parts);
    if (logs.length === 0) return;
    const page = pageOf(logs);
    yield page;
    const { timeMs = -Infinity } = logs.at(-1) ?? {};
    if (isShort && timeMs >= (parts.caughtUpFromMs ?? Infinity)) return;
    from = page.checkpoint;
  }
}

interface Behind {
  logs: readonly Auth0Log[];
  /** Whether Auth0 gave fewer than it was asked for. */
  isShort: boolean;
}

/** Auth0 does not say what it answers behind a log event that it has deleted. If it refuses to, the oldest that is left comes next. */
async function logsBehind(
  from: string,
  position: FeedPosition,
  { api, take, onGap, nowMs }: ReaderParts,
): Promise<Behind> {
  try {
    return await asManyBehind(from, take, api);
  } catch (error) {
    if (!isRefused(error) || (await api.log(from)) !== undefined) throw error;
    const oldest = await earliest(api);
    if (oldest !== undefined && compareLogIds(oldest.id, from) <= 0) throw error;
    if (from !== position.checkpoint || mayHaveGap(position, nowMs)) await onGap(from);
    return { logs: oldest === undefined ? [] : [oldest], isShort: false };
  }
}

/** A page of very large log events is asked for in a smaller one: it would be as large at every try. */
async function asManyBehind(from: string, take: number, api: LogApi): Promise<Behind> {
  try {
    const logs = await api.logsAfter(from, take);
    return { logs, isShort: logs.length < take };
  } catch (error) {
    if (take === 1 || !isTooLarge(error)) throw error;
    return asManyBehind(from, take >> 1, api);
  }
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'source.page_too_large';

const isRefused = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'source.request_refused';

const mayHaveGap = ({ caughtUpAtMs }: FeedPosition, nowMs: number): boolean =>
  caughtUpAtMs === undefined || Math.abs(nowMs - caughtUpAtMs) > GAP_AFTER_MS; // a clock may have been ahead

/** What is read before the pages behind a checkpoint: itself, if it is wanted, or the oldest that is left, if all of that is gone. */
async function startsWell(
  position: FeedPosition,
  from: string,
  { api, onGap, nowMs }: ReaderParts,
): Promise<{ first?: Auth0Log }> {
  const { isInclusive } = position;
  if (!isInclusive && !mayHaveGap(position, nowMs)) return {};
  const log = await api.log(from);
  if (log !== undefined) return isInclusive ? { first: log } : {};
  await onGap(from);
  const oldest = await earliest(api);
  if (oldest === undefined || compareLogIds(oldest.id, from) <= 0) return {};
  // Auth0 does not say what it answers behind a log event that is gone. If that is what we know to be there, all is well.
  const [next] = await api.logsAfter(from, 1).catch((error: unknown) => {
    if (isRefused(error)) return [];
    throw error;
  });
  return next !== undefined && compareLogIds(next.id, oldest.id) <= 0 ? {} : { first: oldest };
}

interface ReplayParts extends ReaderParts {
  replay: ReplayRequest;
  /** When the replay was asked for; without an end, it reads what there was then. */
  startedAtMs: number;
}

/** Reads what a replay asks for, and nothing behind it. A log event of another time that lies between is not wanted: see `isReplayed`. */
export async function* readReplay(
  position: FeedPosition,
  parts: ReplayParts,
): AsyncGenerator<ReadPage, void> {
  const { replay, startedAtMs } = parts;
  const begin = position.checkpoint === undefined ? await replayBegin(parts) : position;
  if (begin === undefined) return;
  const { to = { timeMs: startedAtMs } } = replay;
  const from = { ...begin, caughtUpAtMs: parts.nowMs };
  for await (const page of readOn(from, parts)) {
    if ('timeMs' in to) {
      const isBeyond = page.logs.every(({ timeMs = 0 }) => timeMs > to.timeMs + SKEW_MS);
      if (isBeyond) return;
      yield page;
      continue;
    }
    const within = page.logs.filter(({ id }) => compareLogIds(id, to.at) <= 0);
    if (within.length > 0) yield pageOf(within);
    if (within.length < page.logs.length) return;
  }
}

/** Whether a log event is of the time that a replay is about. */
export function isReplayed(
  { timeMs }: Auth0Log,
  replay: ReplayRequest,
  startedAtMs: number,
): boolean {
  if (timeMs === undefined) return true;
  const { from, to = { timeMs: startedAtMs } } = replay;
  if ('timeMs' in from && timeMs < from.timeMs) return false;
  return !('timeMs' in to) || timeMs <= to.timeMs;
}

async function replayBegin({ api, replay }: ReplayParts): Promise<FeedPosition | undefined> {
  const { from } = replay;
  if ('after' in from) return { checkpoint: from.after, isInclusive: false, epoch: 0 };
  if ('at' in from) return { checkpoint: from.at, isInclusive: true, epoch: 0 };
  const oldest = await earliest(api, Math.max(from.timeMs - SKEW_MS, 0));
  if (oldest === undefined) return undefined;
  return { checkpoint: oldest.id, isInclusive: true, epoch: 0 };
}

/**
 * The log events that were about to be handed over, read once more.
 *
 * @returns those of them that Auth0 still has
 */
export async function readAgain(
  ids: readonly string[],
  position: FeedPosition,
  api: LogApi,
): Promise<Auth0Log[]> {
  const wanted = new Set(ids);
  const found = new Map<string, Auth0Log>();
  const { checkpoint, isInclusive } = position;
  const last = ids.at(-1);
  if (checkpoint === undefined || isInclusive || last === undefined) return oneByOne(ids, api);
  let from = checkpoint;
  while (found.size < wanted.size) {
    const logs = await api.logsAfter(from, AUTH0_PAGE_MAX).catch((error: unknown) => {
      if (isRefused(error) || isTooLarge(error)) return undefined;
      throw error;
    });
    if (logs === undefined) return oneByOne(ids, api);
    const end = logs.at(-1);
    if (end === undefined) break;
    for (const log of logs) if (wanted.has(log.id)) found.set(log.id, log);
    if (compareLogIds(end.id, last) >= 0) break;
    from = end.id;
  }
  return ids.map((id) => found.get(id)).filter((log) => log !== undefined);
}

async function oneByOne(ids: readonly string[], api: LogApi): Promise<Auth0Log[]> {
  const found: Auth0Log[] = [];
  for (const id of ids) {
    const log = await api.log(id);
    if (log !== undefined) found.push(log);
  }
  return found;
}

function pageOf(logs: readonly Auth0Log[]): ReadPage {
  const last = logs.at(-1);
  return { logs, checkpoint: last?.id ?? '' };
}

/**
 * The log event of the lowest id. By search they come in the order of their dates, and no more than a thousand: so one search begins where
 * the one before ended, until a quarter of an hour is looked through, or ten thousand. Only where more than that happened within the quarter
 * of an hour, and something came to Auth0 before all of these although it happened after them, is it left out.
 */
async function earliest(api: LogApi, sinceMs?: number): Promise<Auth0Log | undefined> {
  let lowest: Auth0Log | undefined;
  let untilMs: number | undefined;
  for await (const logs of oldestPages(api, sinceMs)) {
    for (const log of logs)
      if (lowest === undefined || compareLogIds(log.id, lowest.id) < 0) lowest = log;
    untilMs ??= (logs[0]?.timeMs ?? 0) + SKEW_MS;
    if ((logs.at(-1)?.timeMs ?? 0) > untilMs) break;
  }
  return lowest;
}

async function* oldestPages(api: LogApi, sinceMs?: number): AsyncGenerator<Auth0Log[], void> {
  let fromMs = sinceMs;
  for (let search = 0; search < SEARCHES_MAX; search++) {
    let endMs: number | undefined;
    for (let page = 0; page < SEARCH_PAGES_MAX; page++) {
      const logs = await api.oldestLogs(page, fromMs);
      yield logs;
      if (logs.length < AUTH0_PAGE_MAX) return;
      endMs = logs.at(-1)?.timeMs;
    }
    if (endMs === undefined) return;
    // Where one millisecond has more than a search gives, there is no way to the rest of it.
    fromMs = endMs === fromMs ? endMs + 1 : endMs;
  }
}
