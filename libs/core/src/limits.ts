// Every bound of what is sent, once: what AWS fixes, and below a remark that says so, what we do. None is a setting. Changing a number
// of AWS's does not change AWS; the sandbox AWS states those a second time on its own, so that a slip here is caught by a refusal
// there instead of agreeing with itself.
import { assert } from './assert';

const DAY_MS = 24 * 60 * 60 * 1000;

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
export const CLOUDWATCH = {
  /** The sum over a call's log events of the message's UTF-8 bytes plus `logEventOverheadBytes`. */
  batchBytesMax: 1_048_576,
  logEventOverheadBytes: 26,
  batchLogEventsMax: 10_000,
  /** What is left of a batch for the message of its only log event. */
  messageBytesMax: 1_048_550,
  /** The valid log events of one call lie within 24 hours of each other. */
  batchSpanMsMax: DAY_MS,
  /** Older ones are refused, and so are those that are older than the log group's retention. */
  logEventAgeMsMax: 14 * DAY_MS,
  logEventAheadMsMax: 2 * 60 * 60 * 1000,
  nameCharsMax: 512,
  tagsMax: 50,
  tagKeyCharsMax: 128,
  tagValueCharsMax: 256,
} as const;

/** The days that a log group may keep its log events, and no others: AWS lists them in PutRetentionPolicy's reference. */
export const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
] as const;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html and …/userguide/qfacts.html */
export const S3 = {
  keyBytesMax: 1024,
  /** Of a multipart upload; every part but the last has at least this. */
  partBytesMin: 5 * 1024 * 1024,
  partsMax: 10_000,
  /** Ours: what a part has, and what an object that is put in one call has at most. Memory holds few of them at once. */
  partBytes: 8 * 1024 * 1024,
  /** Ours: the most that a destination may ask for, uncompressed. */
  objectBytesMax: 1024 * 1024 * 1024,
  /** Ours: the least that a destination may ask for. */
  objectBytesMin: 1024 * 1024,
  /** Ours: the largest log event as a line of an object, with all that JSON escapes in it. */
  logEventBytesMax: 8 * 1024 * 1024,
} as const;

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export const STS = {
  sessionSecondsMin: 900,
  sessionSecondsMax: 43_200,
  sessionSecondsDefault: 3_600,
  /** Of a role that is assumed with the session of another role. */
  chainedSessionSecondsMax: 3_600,
  sessionPolicyCharsMax: 2_048,
  sessionNameCharsMax: 64,
} as const;

/** Ours: what one log event may hold when it reaches ingest. What is larger than its destination takes becomes what `oversize` says. */
export const LOG_EVENT = {
  messageBytesMax: 8 * 1024 * 1024,
  messageDepthMax: 64,
  typeCharsMax: 64,
  idCharsMax: 256,
  levelCharsMax: 32,
  scopeCharsMax: 512,
  attributesMax: 32,
  attributeNameCharsMax: 64,
  attributeValueCharsMax: 1_024,
  /** Below this an epoch number is seconds sent by mistake: as milliseconds it lies before March 1973. */
  timeMsMin: 100_000_000_000,
  /** The last millisecond of the year 9999: four-digit years keep ISO times sortable as text. */
  timeMsMax: 253_402_300_799_999,
} as const;

assert(
  CLOUDWATCH.messageBytesMax + CLOUDWATCH.logEventOverheadBytes === CLOUDWATCH.batchBytesMax,
  'the largest log event fills a batch exactly',
);
assert(STS.sessionSecondsMin <= STS.sessionSecondsDefault, 'the default session is long enough');
assert(STS.sessionSecondsDefault <= STS.sessionSecondsMax, 'the default session is short enough');
assert(S3.objectBytesMin < S3.objectBytesMax, 'an object has room between its bounds');
assert(S3.partBytesMin <= S3.partBytes, 'S3 takes our parts');
assert(
  S3.objectBytesMax + S3.logEventBytesMax < S3.partBytes * S3.partsMax,
  'the largest object has no more parts than S3 takes, even if compressing it makes it larger',
);
