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

/** FNV-1a, folded once more so that ids that differ in their last character differ everywhere. 32 bits, unsigned. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
