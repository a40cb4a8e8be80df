// What AWS asks the caller's policies about, for each call that this library makes. Policies are built from this table, so a call that
// is added without its row leaves customers with a policy that lacks it: a test compares the table with the calls.
import { S3, type Destination } from '@logferry/core';

/** What a policy names: a destination's log groups, its objects, the KMS key that they are encrypted with. */
export type ActionTarget = 'log_groups' | 'objects' | 'kms_key';

interface AskedAction {
  action: string;
  on: ActionTarget;
  /** For which destinations; for all, where it does not say. */
  when?: (destination: Destination) => boolean;
}

const hasRetention = (destination: Destination): boolean =>
  destination.type === 'cloudwatch' && destination.cloudwatch.retentionDays !== undefined;

const hasTags = (destination: Destination): boolean =>
  destination.type === 'cloudwatch' && Object.keys(destination.cloudwatch.tags ?? {}).length > 0;

/** Of a KMS key that S3 keeps for itself, nobody has to be allowed the use. */
const hasKey = (destination: Destination): boolean =>
  destination.type === 's3' && destination.s3.encryption.kmsKeyId !== undefined;

/** What is no larger than a part is put in one call. */
const isPutInParts = (destination: Destination): boolean =>
  destination.type === 's3' && destination.s3.objectBytesMax > S3.partBytes;

const both = (destination: Destination): boolean =>
  hasKey(destination) && isPutInParts(destination);

/** Sources: the pages "Actions, resources, and condition keys for …" of the Service Authorization Reference. */
export const callActions = {
  'logs:CreateLogGroup': [
    { action: 'logs:CreateLogGroup', on: 'log_groups' },
    { action: 'logs:TagResource', on: 'log_groups', when: hasTags },
  ],
  'logs:CreateLogStream': [{ action: 'logs:CreateLogStream', on: 'log_groups' }],
  'logs:PutLogEvents': [{ action: 'logs:PutLogEvents', on: 'log_groups' }],
  'logs:PutRetentionPolicy': [
    { action: 'logs:PutRetentionPolicy', on: 'log_groups', when: hasRetention },
  ],
  's3:PutObject': [
    { action: 's3:PutObject', on: 'objects' },
    { action: 'kms:GenerateDataKey', on: 'kms_key', when: hasKey },
  ],
  's3:CreateMultipartUpload': [
    { action: 's3:PutObject', on: 'objects', when: isPutInParts },
    { action: 'kms:GenerateDataKey', on: 'kms_key', when: both },
  ],
  's3:UploadPart': [
    { action: 's3:PutObject', on: 'objects', when: isPutInParts },
    { action: 'kms:Decrypt', on: 'kms_key', when: both },
  ],
  's3:CompleteMultipartUpload': [
    { action: 's3:PutObject', on: 'objects', when: isPutInParts },
    { action: 'kms:Decrypt', on: 'kms_key', when: both },
  ],
  's3:AbortMultipartUpload': [
    { action: 's3:AbortMultipartUpload', on: 'objects', when: isPutInParts },
  ],
  // S3 names a bucket's Region even where it refuses the rest of the answer, and nothing else is asked for.
  's3:HeadBucket': [],
  // Nobody needs a permission to ask who they are.
  'sts:GetCallerIdentity': [],
  // The token is the proof: the role's trust policy is asked, and no policy of the caller's.
  'sts:AssumeRole': [],
  'sts:AssumeRoleWithWebIdentity': [],
} as const satisfies Record<string, readonly AskedAction[]>;

/** An action that a role must be allowed, and on what. */
export type NeededAction = Pick<AskedAction, 'action' | 'on'>;

const SERVICES = { cloudwatch: 'logs:', s3: 's3:' } as const;

/** Each action once that delivering to a destination takes. */
export function neededActions(destination: Destination): NeededAction[] {
  const needed = new Map<string, NeededAction>();
  for (const [call, asked] of Object.entries<readonly AskedAction[]>(callActions)) {
    if (!call.startsWith(SERVICES[destination.type])) continue;
    for (const { action, on, when } of asked) {
      if (when === undefined || when(destination)) needed.set(action, { action, on });
    }
  }
  return [...needed.values()];
}
