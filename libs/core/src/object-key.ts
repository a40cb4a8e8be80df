// The keys of S3 objects. A template is filled in twice: at ingest with what all log events of an object have in common, which makes
// the lane; and at delivery with the batch's own time and id, so that a repeated upload of a batch names the same object.
import { assert } from './assert';
import { LOG_EVENT, S3 } from './limits';
import { fnv1a } from './naming';
import { MISSING } from './template';

/** What may stand in braces. */
export const KEY_VARIABLES = {
  '{tenant}': "the tenant's id",
  '{destination}': "the destination's id",
  '{type}': "the log events' type",
  '{logType}': 'what the preset calls the type; without a preset, the type',
  '{scope}': "the log events' scope, with its slashes",
  '{yyyy}, {MM}, {dd}': 'year, month and day in UTC',
  '{HH}, {mm}, {ss}': 'hour, minute and second in UTC',
  '{chars}': "five characters that are drawn from the batch's id",
  '{batch}': "the batch's id",
} as const;

/** Which time the date parts of a key are of. */
export type KeyTime = 'event' | 'delivery';

export interface KeyOptions {
  /** A template; env zero's documented key where there is none. */
  key?: string | undefined;
  keyTime: KeyTime;
  path: string;
  compression: Compression;
}

export type Compression = 'none' | 'gzip' | 'zstd';

/** What all log events of a lane have in common, as far as keys can name it. */
export interface KeyFacts {
  tenant: string;
  destination: string;
  type: string;
  logType: string;
  scope: string | undefined;
}

/** env zero's documented key: `<bucketPath>/<logType>/<year>/<month>/<day>/<HH:mm:ss>_<5 chars>.log`, in UTC. */
export const ENV0_KEY = '{logType}/{yyyy}/{MM}/{dd}/{HH}:{mm}:{ss}_{chars}.log';

const SUFFIXES: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };

/** Where each date part stands in an ISO time such as 2026-11-21T10:48:00.123Z. */
const DATE_PARTS: Readonly<Record<string, readonly [number, number]>> = {
  yyyy: [0, 4],
  MM: [5, 7],
  dd: [8, 10],
  HH: [11, 13],
  mm: [14, 16],
  ss: [17, 19],
};
const FINE_PARTS: readonly string[] = ['mm', 'ss'];
const OWN_PARTS: readonly string[] = ['chars', 'batch'];

/** The most characters that a variable becomes. What is filled in is ASCII, so they are bytes too. */
const CHARS_MAX: Readonly<Record<string, number>> = {
  tenant: 64,
  destination: 64,
  type: LOG_EVENT.typeCharsMax,
  logType: LOG_EVENT.typeCharsMax + 'env0-s'.length,
  scope: LOG_EVENT.scopeCharsMax,
  ...Object.fromEntries(Object.entries(DATE_PARTS).map(([name, [from, to]]) => [name, to - from])),
  chars: 5,
  batch: 48,
};

const HOLE = /\{([^{}]*)\}/g;
const LITERAL = /^[\w!*'().=:,/-]*$/;

/** What is wrong with a destination's key, for whoever saves it. */
export function keyProblem(options: KeyOptions): string | undefined {
  const { key = ENV0_KEY, keyTime } = options;
  const names = [...key.matchAll(HOLE)].map(([, name = '']) => name);
  const unknown = names.find((name) => !Object.hasOwn(CHARS_MAX, name));
  if (unknown !== undefined) {
    return `{${unknown}} is not a variable; there are ${Object.keys(KEY_VARIABLES).join(', ')}`;
  }
  const text = key.replace(HOLE, 'x');
  if (!LITERAL.test(text))
    return "may hold letters, digits and ! _ . * ' ( ) = - / : , beside variables";
  if (text.split('/').some((segment) => /^\.{0,2}$/.test(segment))) {
    return 'must not begin or end with a slash, and no part of it may be empty, . or ..';
  }
  const { folders, file } = divide(key);
  if (!OWN_PARTS.some((name) => file.includes(`{${name}}`))) {
    return 'must have {chars} or {batch} behind its last slash: else two objects have one name';
  }
  if (keyTime === 'event' && FINE_PARTS.some((name) => folders.includes(`{${name}}`))) {
    return 'by event time a folder is an hour at least: {mm} and {ss} may stand behind the last slash only';
  }
  const charsMax = names.reduce((sum, name) => sum + (CHARS_MAX[name] ?? 0), 0);
  const bytesMax =
    options.path.length + 1 + key.replace(HOLE, '').length + charsMax + suffixOf(options).length;
  if (bytesMax > S3.keyBytesMax) {
    return `could become ${bytesMax} bytes long, and the most is ${S3.keyBytesMax}; shorten it, or path`;
  }
  return undefined;
}

/** Fills in what all log events of a lane have in common. */
export interface LaneKeys {
  /** Whether keys differ by scope. */
  hasScope: boolean;
  /** How long a time has the same key; nothing if the events' times do not matter. */
  periodMs: number | undefined;
  /** @param timeMs of one of the log events */
  render(facts: KeyFacts, timeMs: number): string;
}

const HOUR_MS = 3_600_000;

/** By event time, the folders' date parts are the lane's: all log events of an object are of the hour or day that its folder says. */
export function laneKeys(options: KeyOptions): LaneKeys {
  const { key, keyTime, path } = options;
  const { folders, file } = divide(key ?? ENV0_KEY);
  const folderDates = Object.keys(DATE_PARTS).filter((name) => folders.includes(`{${name}}`));
  const isByEvent = keyTime === 'event' && folderDates.length > 0;
  const hourly = folderDates.includes('HH');
  return {
    hasScope: (folders + file).includes('{scope}'),
    periodMs: isByEvent ? (hourly ? HOUR_MS : 24 * HOUR_MS) : undefined,
    render: (facts, timeMs) => {
      const dated = isByEvent ? fillDates(folders, timeMs) : folders;
      const below = fillFacts(dated + file, facts) + suffixOf(options);
      return key === undefined ? env0Path(path, facts, below) : joinPath(path, below);
    },
  };
}

/**
 * What the keys of all batches begin with.
 *
 * @param known what is known of every batch; a value may itself have a hole, up to which it is known
 */
export function keyPrefix(
  { key, path }: Pick<KeyOptions, 'key' | 'path'>,
  known: Partial<KeyFacts> & Pick<KeyFacts, 'logType'>,
): string {
  let below = '';
  for (const [i, part] of (key ?? ENV0_KEY).split(HOLE).entries()) {
    if (i % 2 === 0) {
      below += part;
      continue;
    }
    const fact = Object.hasOwn(known, part) ? known[part as keyof KeyFacts] : undefined;
    const hole = fact?.indexOf('{') ?? 0;
    below += fact === undefined ? '' : hole < 0 ? safe(fact) : fact.slice(0, hole);
    if (fact === undefined || hole >= 0) break;
  }
  if (key !== undefined) return joinPath(path, below);
  const [beginning = '', ...rest] = known.logType.split('{');
  // One of the types that it may be of is perhaps what the path is called: then the path stands in the key alone.
  if (rest.length > 0 && trim(path) !== '' && trim(path).startsWith(beginning))
    return joinPath(path, '');
  return env0Path(path, known, below);
}

/**
 * The key of a batch's object.
 *
 * @param pattern as the lane has it
 * @param candidate 0 at first; counts up when another object already holds the name
 */
export function objectKey(
  pattern: string,
  timeMs: number,
  batchId: string,
  candidate: number,
): string {
  return fillDates(pattern, timeMs).replace(HOLE, (hole, name) => {
    if (name === 'chars') return fiveChars(batchId, candidate);
    assert(name === 'batch', `a stored key has no other holes: ${hole}`);
    return candidate === 0 ? batchId : `${batchId}-${candidate}`;
  });
}

function divide(key: string): { folders: string; file: string } {
  const at = key.lastIndexOf('/') + 1;
  return { folders: key.slice(0, at), file: key.slice(at) };
}

function suffixOf({ key = ENV0_KEY, compression }: KeyOptions): string {
  const suffix = SUFFIXES[compression];
  return key.endsWith(suffix) ? '' : suffix;
}

function fillDates(text: string, timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  return text.replace(HOLE, (hole, name: string) => {
    const place = DATE_PARTS[name];
    return place === undefined ? hole : iso.slice(...place);
  });
}

function fillFacts(text: string, facts: KeyFacts): string {
  return text.replace(HOLE, (hole, name: string) => {
    if (!Object.hasOwn(facts, name)) return hole;
    return safe(facts[name as keyof KeyFacts] ?? '');
  });
}

/** Bends a fact to what may stand in a key: a log event must not be able to climb out of its folder, or to name a variable. */
function safe(fact: string): string {
  return (
    fact
      .replace(/[^\w!*'().=:,/-]/g, '_')
      .split('/')
      .filter((segment) => segment !== '')
      .map((segment) => (/^\.{1,2}$/.test(segment) ? '_' : segment))
      .join('/') || MISSING
  );
}

function joinPath(path: string, below: string): string {
  const trimmed = trim(path);
  return trimmed === '' ? below : `${trimmed}/${below}`;
}

/** As env zero's exporter has it, a path that is the log type itself stands in the key once. */
function env0Path(path: string, { logType }: Pick<KeyFacts, 'logType'>, below: string): string {
  return trim(path) === safe(logType) ? below : joinPath(path, below);
}

function trim(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
}

const KEY_CHARS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Not random, but drawn from the batch's id. */
function fiveChars(batchId: string, candidate: number): string {
  let rest = fnv1a(`${batchId}#${candidate}`);
  let chars = '';
  for (let i = 0; i < 5; i++) {
    chars += KEY_CHARS.charAt(rest % KEY_CHARS.length);
    rest = Math.floor(rest / KEY_CHARS.length);
  }
  return chars;
}
