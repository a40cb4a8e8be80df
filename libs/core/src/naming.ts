import { CLOUDWATCH } from './limits';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html */
const notInLogGroup = /[^.\-_/#A-Za-z0-9]/g;

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html */
const notInLogStream = /[:*\u0000-\u001f\u007f]/g;

/** Bends a rendered name to what CloudWatch Logs takes: a log event's attribute must not be able to make a delivery fail. */
export function logGroupName(rendered: string): string {
  const name = rendered.replace(notInLogGroup, '_');
  // AWS keeps `aws/` for itself and says so of `AWS/` too.
  return (/^aws\//i.test(name) ? `_${name}` : name).slice(0, CLOUDWATCH.nameCharsMax) || '_';
}

export function logStreamName(rendered: string): string {
  const name = rendered.toWellFormed().replace(notInLogStream, '_');
  const cut = name.slice(0, CLOUDWATCH.nameCharsMax);
  // The cut may have gone through a character of two units, of which half is none.
  return (cut.isWellFormed() ? cut : cut.slice(0, -1)) || '_';
}

/** `<path>/<logType>`, without stray slashes. With no path, the log type stands alone and never twice. */
export function s3Prefix(path: string, logType: string): string {
  const trimmed = path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
  return trimmed === '' || trimmed === logType ? logType : `${trimmed}/${logType}`;
}

const KEY_CHARS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * env zero's documented key: `<bucketPath>/<logType>/<year>/<month>/<day>/<HH:mm:ss>_<5 chars>.log`, in UTC.
 *
 * The five characters are not random but drawn from the batch's id, so a repeated upload of a batch names the same object.
 * `candidate` is 0 at first and counts up when another object already holds the name.
 */
export function s3Key(
  prefix: string,
  firstEventMs: number,
  batchId: string,
  candidate: number,
): string {
  const iso = new Date(firstEventMs).toISOString(); // 2026-11-21T10:48:00.123Z
  const date = `${iso.slice(0, 4)}/${iso.slice(5, 7)}/${iso.slice(8, 10)}`;
  return `${prefix}/${date}/${iso.slice(11, 19)}_${fiveChars(batchId, candidate)}.log`;
}

function fiveChars(batchId: string, candidate: number): string {
  let rest = fnv1a(`${batchId}#${candidate}`);
  let chars = '';
  for (let i = 0; i < 5; i++) {
    chars += KEY_CHARS.charAt(rest % KEY_CHARS.length);
    rest = Math.floor(rest / KEY_CHARS.length);
  }
  return chars;
}

/** FNV-1a, folded once more so that ids that differ in their last character differ everywhere. 32 bits, unsigned. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
