// Every operating error says what happened (its code), whose move it is, and what we do about it. The table below is the one place
// where that is decided; docs/reference/errors.md is generated from it.

import { sourceFailures } from './source-failures';

/** Who can make it go away: the tenant in their account of AWS or Auth0, AWS or Auth0 itself, or whoever runs Logferry. */
export type Fault = 'tenant' | 'aws' | 'auth0' | 'us';

/**
 * - `retry`: transient. Exponential backoff with full jitter; counts an attempt.
 * - `defer`: says nothing of the batch, only not now: AWS asks to slow down, or something of ours is away. Later, without counting an
 *   attempt: an outage of ours must not make dead letters of what would be delivered after it.
 * - `suspend`: stays so until somebody changes something, most often the tenant in their account. The batch is held and probed now
 *   and then; no attempt is burnt.
 * - `reject`: can never be delivered. Kept as a dead letter with its reason; everything else goes on.
 */
export type Disposition = 'retry' | 'defer' | 'suspend' | 'reject';

interface FailureKind {
  fault: Fault;
  disposition: Disposition;
  /** What the tenant may read: what happened and what to change. Never a secret, never AWS's raw text. */
  publicMessage: string;
}

const kinds = {
  'credential.trust_denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "AWS refused to let us assume the role. Check the role's trust policy: for web_identity the OIDC provider, the audience and the subject of this tenant; for assume_role our account and the ExternalId of this destination.",
  },
  'credential.trusts_others': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "AWS lets another tenant assume the role, so nothing is written with it. The role's trust policy must compare the whole subject, or the ExternalId, of this tenant with StringEquals. Correct it and test the connection.",
  },
  'credential.provider_missing': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'AWS does not accept our identity token in this account. Create the IAM OIDC identity provider for our issuer and its audience, as they are printed for the destination.',
  },
  'credential.invalid_request': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "AWS refused the session that was asked for. Check the role's ARN, and that the session duration is not above the role's maximum (3600 seconds is always allowed).",
  },
  'credential.duration_too_long': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "The session duration is above the role's maximum. Raise the role's MaxSessionDuration, or lower the destination's sessionDurationSeconds: 3600 is always allowed.",
  },
  'credential.region_disabled': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'STS is not activated in this Region of the AWS account. Activate it, or choose another Region.',
  },
  'credential.issuer_unreachable': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: 'AWS could not fetch the keys of our OIDC issuer just now.',
  },
  'credential.sts_unavailable': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage: 'AWS STS did not answer as expected.',
  },
  'credential.throttled': {
    fault: 'aws',
    disposition: 'defer',
    publicMessage: 'AWS STS asked us to slow down.',
  },
  'credential.expired': {
    fault: 'us',
    disposition: 'retry',
    publicMessage: 'The AWS session had expired; a fresh one is being fetched.',
  },
  'credential.broker_unavailable': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: 'The credential broker did not answer.',
  },
  'credential.broker_refused': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: 'The credential broker refused this worker: the shared secret differs.',
  },
  'credential.policy_too_large': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      'AWS finds the policy too large that narrows the session to this destination. Give the destination shorter names.',
  },
  'credential.token_unavailable': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: "The platform's own identity token could not be had just now.",
  },
  'credential.rationed': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'Many sessions are being fetched. We stay below what AWS allows, so this one waits for its turn.',
  },
  'credential.key_refused': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'AWS does not take the access key. Check in IAM that it is there and active, and enter its id and its secret anew.',
  },
  'credential.external_id_foreign': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The ExternalId of the destination is not the one that was made for it. Take the one that we show, and put it into the trust policy.',
  },
  'credential.secret_unreadable': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage: 'The stored secret cannot be opened any more. Enter it anew.',
  },
  'credential.kind_unavailable': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      'This installation is not set up for credentials of this kind. Choose another kind, or ask the platform.',
  },
  'credential.platform_identity': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: "The platform's own AWS identity is missing, or AWS refused it.",
  },
  'cloudwatch.access_denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The role, or the user whose access key it is, may not do this in CloudWatch Logs. It needs logs:PutLogEvents, logs:CreateLogStream and logs:CreateLogGroup on the log group.',
  },
  'cloudwatch.group_options_denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The role, or the user whose access key it is, may not give a new log group what the destination asks for. On the log group, retentionDays needs logs:PutRetentionPolicy and tags need logs:TagResource.',
  },
  'cloudwatch.group_refused': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "CloudWatch Logs refused to create the log group or log stream as the destination asks. Check the destination's logGroup, logStream, retentionDays, tags and logClass.",
  },
  'cloudwatch.kms_denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "CloudWatch Logs may not use the log group's KMS key. The key must be enabled and lie in the Region of the destination, and its key policy must allow CloudWatch Logs of that Region.",
  },
  'cloudwatch.create_rationed': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'Many log groups or log streams are being created in this account. We stay below what AWS allows, so this one waits for its turn.',
  },
  'cloudwatch.not_there_yet': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage:
      'CloudWatch Logs does not show a log group or log stream yet that was just created.',
  },
  'cloudwatch.throttled': {
    fault: 'aws',
    disposition: 'defer',
    publicMessage: 'CloudWatch Logs asked us to slow down.',
  },
  'cloudwatch.unavailable': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage: 'CloudWatch Logs did not answer as expected.',
  },
  'cloudwatch.quota_exceeded': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The AWS account has reached its number of log groups. Delete some, or ask AWS for a higher quota.',
  },
  'cloudwatch.invalid_batch': {
    fault: 'us',
    disposition: 'reject',
    publicMessage: 'CloudWatch Logs refused the batch as malformed. It is kept as a dead letter.',
  },
  'cloudwatch.log_event_too_old': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage: 'CloudWatch Logs refuses log events that are more than 14 days old.',
  },
  'cloudwatch.log_event_expired': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage:
      "CloudWatch Logs refuses log events that are older than the log group's retention.",
  },
  'cloudwatch.log_event_too_new': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage: 'CloudWatch Logs refuses log events that are more than 2 hours in the future.',
  },
  's3.access_denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "The role, or the user whose access key it is, may not write to the bucket. It needs s3:PutObject on the bucket's objects. A bucket of another account than theirs must be named with its expectedBucketOwner.",
  },
  's3.bucket_missing': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The bucket does not exist. Create it, or correct its name; we never create a bucket of yours.',
  },
  's3.wrong_region': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "The bucket lies in another Region than the destination's, and S3 did not show us the way there. Correct the destination's Region.",
  },
  's3.throttled': {
    fault: 'aws',
    disposition: 'defer',
    publicMessage: 'S3 asked us to slow down.',
  },
  's3.unavailable': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage: 'S3 did not answer as expected.',
  },
  's3.not_stored': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage:
      'S3 did not store the object: it arrived damaged or too slowly, or something else was done under its name at that moment.',
  },
  's3.settings_refused': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      "S3 does not take the object with the destination's settings. Check its storage class and its encryption.",
  },
  's3.key_taken': {
    fault: 'tenant',
    disposition: 'retry',
    publicMessage: 'Every object key derived for this batch is taken by other objects.',
  },
  's3.invalid_object': {
    fault: 'us',
    disposition: 'reject',
    publicMessage: 'S3 refused the object as malformed. It is kept as a dead letter.',
  },
  'kms.denied': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The role, or the user whose access key it is, may not use the KMS key. It needs kms:GenerateDataKey and kms:Decrypt on it.',
  },
  'network.unreachable': {
    fault: 'aws',
    disposition: 'retry',
    publicMessage: 'The AWS endpoint could not be reached.',
  },
  'network.unknown_region': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The AWS endpoint of this Region does not exist. Check the Region of the destination for a mistyped letter.',
  },
  'destination.missing': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage: 'The destination was removed while log events waited for it.',
  },
  'destination.disabled': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage: 'The destination is switched off. Switch it on, and what waits is delivered.',
  },
  'destination.suspended_by_hand': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'Somebody has suspended the destination. What comes for it is kept, and delivered when it is resumed, at the console.',
  },
  'destination.changing': {
    fault: 'us',
    disposition: 'defer',
    publicMessage:
      'The destination has just been changed, and not every process of ours knows it yet. It goes on in a moment.',
  },
  'destination.unreadable': {
    fault: 'us',
    disposition: 'suspend',
    publicMessage:
      'What is stored of the destination cannot be read. What waits for it is held until it is stored anew.',
  },
  'destination.lookup_failed': {
    fault: 'us',
    disposition: 'defer',
    publicMessage: 'The destination could not be looked up just now.',
  },
  'destination.held_too_long': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage:
      'The destination did not work for so long that what waited longest was given up. It is kept as a dead letter; redrive it once the destination works.',
  },
  'destination.held_too_much': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage:
      "The destination does not work, and more waits for it than a tenant's share: what waited longest was given up. It is kept as a dead letter; redrive it once the destination works.",
  },
  'channel.missing': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage: 'There is no channel of this id any more.',
  },
  'channel.gone': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The address of the channel does not exist any more, or takes no messages. Make a new hook, and enter its address.',
  },
  'channel.refused': {
    fault: 'tenant',
    disposition: 'reject',
    publicMessage: 'What answers at the address of the channel does not take this message.',
  },
  'channel.address_refused': {
    fault: 'tenant',
    disposition: 'suspend',
    publicMessage:
      'The address of the channel leads to where nothing may be sent. It must be a public one, with https, and for Slack one of Slack.',
  },
  'channel.throttled': {
    fault: 'tenant',
    disposition: 'defer',
    publicMessage: 'What answers at the address of the channel asked us to slow down.',
  },
  'channel.unavailable': {
    fault: 'tenant',
    disposition: 'retry',
    publicMessage: 'Nothing answers at the address of the channel, or not as expected.',
  },
  'batch.stalled': {
    fault: 'us',
    disposition: 'reject',
    publicMessage: 'Workers died on this batch again and again. It is kept as a dead letter.',
  },
  'batch.unreadable': {
    fault: 'us',
    disposition: 'reject',
    publicMessage: 'What was stored of this batch cannot be read. It is kept as a dead letter.',
  },
  ...sourceFailures,
  'internal.fault': {
    fault: 'us',
    disposition: 'reject',
    publicMessage: 'A fault of ours stopped this batch. It is kept as a dead letter.',
  },
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof kinds;

export const failureKinds: Readonly<Record<FailureCode, FailureKind>> = kinds;

export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(kinds, code);
}

interface FailureOptions {
  cause?: unknown;
  /** Facts for the operator's log: error names, status codes. Never a secret, never a log event's content. */
  detail?: string;
  /** For throttling: not before this many milliseconds from now. */
  retryAfterMs?: number;
  /** How long the call took that failed, where others went well before it. */
  callMs?: number | undefined;
}

/** An operating error. Recognised by `instanceof` and `code`, never by its message. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly fault: Fault;
  readonly disposition: Disposition;
  readonly publicMessage: string;
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly callMs: number | undefined;

  constructor(code: FailureCode, options: FailureOptions = {}) {
    const kind = failureKinds[code];
    super(`${code}: ${kind.publicMessage}`, { cause: options.cause });
    this.code = code;
    this.fault = kind.fault;
    this.disposition = kind.disposition;
    this.publicMessage = kind.publicMessage;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
    this.callMs = options.callMs;
  }
}
