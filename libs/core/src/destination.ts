import { z } from 'zod';
import { CLOUDWATCH, RETENTION_DAYS, S3, STS } from './limits';
import { parseTemplate } from './template';
import { TenantId } from './tenant';

const region = z
  .string()
  .regex(
    /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/,
    'must be the name of an AWS Region, such as eu-central-1',
  )
  .describe('the AWS Region of the log groups or of the bucket, such as `eu-central-1`');

const roleArn = z
  .string()
  .max(2048)
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    'must be a role ARN, such as arn:aws:iam::123456789012:role/logferry',
  )
  .describe("the role in the tenant's account, such as `arn:aws:iam::123456789012:role/logferry`");

const sessionDurationSeconds = z
  .int()
  .min(STS.sessionSecondsMin)
  .max(STS.sessionSecondsMax)
  .default(STS.sessionSecondsDefault)
  .describe("seconds of an STS session; the role's own maximum must allow it");

/** How we come to a session in the tenant's account. Secrets are not part of it: only the broker ever sees one. */
export const Credentials = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z
      .literal('web_identity')
      .describe("a session by a token of the broker's own OIDC issuer; there is no other kind yet"),
    roleArn,
    sessionDurationSeconds,
  }),
]);
export type Credentials = z.infer<typeof Credentials>;

const template = (description: string) =>
  z
    .string()
    .min(1)
    .max(CLOUDWATCH.nameCharsMax)
    .superRefine((text, context) => {
      const parsed = parseTemplate(text);
      if ('problem' in parsed) context.addIssue({ code: 'custom', message: parsed.problem });
    })
    .describe(description);

const DEDUPLICATE_MS_MAX = 86_400_000;

/** What AWS takes in a tag's key and in its value. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const TAG_CHARS = 'may hold letters, digits, spaces and _ . : / = + - @';

const tags = z
  .record(
    z
      .string()
      .min(1)
      .max(CLOUDWATCH.tagKeyCharsMax)
      .regex(tagText, TAG_CHARS)
      .refine((key) => !/^aws:/i.test(key), 'must not start with aws:, which is reserved'),
    z.string().max(CLOUDWATCH.tagValueCharsMax).regex(tagText, TAG_CHARS),
  )
  .refine(
    (all) => Object.keys(all).length <= CLOUDWATCH.tagsMax,
    `may be ${CLOUDWATCH.tagsMax} at most`,
  );

/** `arn:aws:kms:REGION:ACCOUNT:key/ID`. AWS takes neither an alias nor a bare id for a log group. */
const kmsKeyArn = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[\w-]+$/;

const lingerMs = (most: number) => z.int().min(0).max(most);

const base = {
  id: TenantId.describe(
    'unique within its tenant: 1 to 64 letters, digits, dots, dashes, underscores',
  ),
  enabled: z
    .boolean()
    .default(true)
    .describe('while it is off, nothing is taken for it, and what waits for it is held'),
  region,
  credentials: Credentials,
  filter: z
    .strictObject({
      types: z.array(z.string().min(1)).min(1).max(100).optional().describe('only these types'),
      levels: z.array(z.string().min(1)).min(1).max(20).optional().describe('only these levels'),
      scopes: z
        .array(z.string().min(1))
        .min(1)
        .max(100)
        .optional()
        .describe('only these scopes and what is below them'),
    })
    .default({}),
  oversize: z
    .enum(['split', 'truncate', 'reject'])
    .default('split')
    .describe(
      'what becomes of a log event that is larger than AWS takes: delivered in parts, cut, or refused',
    ),
  deduplicateForMs: z
    .int()
    .min(0)
    .max(DEDUPLICATE_MS_MAX)
    .default(0)
    .describe(
      'for how many milliseconds the `id` of a log event is remembered, so that another one with it is left out; each takes 120 bytes of Redis for as long',
    ),
};

const preset = z
  .enum(['env0'])
  .optional()
  .describe("the names that a platform's own exporter documents");

export const CloudWatchDestination = z.strictObject({
  type: z.literal('cloudwatch'),
  ...base,
  preset,
  format: z
    .enum(['message', 'event'])
    .default('message')
    .describe('the message alone, or the whole log event as JSON'),
  cloudwatch: z
    .strictObject({
      logGroup: template('the log group, a template; a preset gives one').optional(),
      logGroupPrefix: z
        .string()
        .max(CLOUDWATCH.nameCharsMax)
        .default('')
        .describe("stands before the group's name as it is, without a separator"),
      logStream: template('the log stream, a template; a preset gives one').optional(),
      lingerMs: lingerMs(60_000).default(1_000).describe('how long a batch may wait for more'),
      compression: z
        .enum(['none', 'gzip'])
        .default('none')
        .describe(
          'how a call travels; `gzip` saves traffic, not what AWS charges for, and costs CPU ([DELIVERY.md](../DELIVERY.md))',
        ),
      retentionDays: z
        .literal(RETENTION_DAYS)
        .optional()
        .describe(
          'of log groups that we create: after how many days AWS deletes log events; without it, never. Needs `logs:PutRetentionPolicy`',
        ),
      kmsKeyId: z
        .string()
        .max(256)
        .regex(
          kmsKeyArn,
          'must be the ARN of a KMS key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-…',
        )
        .optional()
        .describe(
          "of log groups that we create: the ARN of the KMS key that encrypts them, in the destination's Region. The key's own policy must allow CloudWatch Logs to use it",
        ),
      tags: tags
        .optional()
        .describe('of log groups that we create: up to 50 tags. Needs `logs:TagResource`'),
      logClass: z
        .enum(['STANDARD', 'INFREQUENT_ACCESS'])
        .optional()
        .describe('of log groups that we create: what AWS charges for and offers; fixed for good'),
      order: z
        .enum(['parallel', 'strict'])
        .default('parallel')
        .describe(
          "whether a stream's batches are written side by side, or each only when the one before it is",
        ),
    })
    .prefault({}),
});
export type CloudWatchDestination = z.infer<typeof CloudWatchDestination>;

export const S3Destination = z.strictObject({
  type: z.literal('s3'),
  ...base,
  preset,
  s3: z.strictObject({
    bucket: z
      .string()
      .regex(/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of an S3 bucket')
      .describe('the bucket, which must be there'),
    path: z
      .string()
      .max(400)
      .regex(/^[\w!*'()./=-]*$/, "may hold letters, digits and ! _ . * ' ( ) = - /")
      .refine((path) => !path.split('/').includes('..'), 'must not climb with ..')
      .default('')
      .describe('a folder in the bucket that all keys begin with'),
    objectBytesMax: z
      .int()
      .min(S3.objectBytesMin)
      .max(S3.objectBytesMax)
      .default(8 * 1024 * 1024)
      .describe('an object is written when it would grow beyond this'),
    lingerMs: lingerMs(900_000).default(60_000).describe('how long an object may wait for more'),
  }),
});
export type S3Destination = z.infer<typeof S3Destination>;

/** Where a tenant's log events go: a configuration of CloudWatch Logs or of S3 in the tenant's own account. */
export const Destination = z
  .discriminatedUnion('type', [CloudWatchDestination, S3Destination])
  .superRefine((destination, context) => {
    if (destination.type !== 'cloudwatch') return;
    const keyRegion = kmsKeyArn.exec(destination.cloudwatch.kmsKeyId ?? '')?.[1];
    if (keyRegion !== undefined && keyRegion !== destination.region) {
      context.addIssue({
        code: 'custom',
        path: ['cloudwatch', 'kmsKeyId'],
        message: `lies in ${keyRegion}; AWS takes only a key of the destination's Region`,
      });
    }
    if (destination.preset !== undefined) return;
    for (const field of ['logGroup', 'logStream'] as const) {
      if (destination.cloudwatch[field] === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['cloudwatch', field],
          message: 'is needed where no preset gives it',
        });
      }
    }
  });
export type Destination = z.infer<typeof Destination>;

/** The AWS account that a destination lies in. */
export function accountOf({ credentials }: Pick<Destination, 'credentials'>): string {
  return credentials.roleArn.split(':')[4] ?? '';
}

/** What a destination delivers through: one queue and one kind of worker each. */
export type Sink = Destination['type'];
export const sinks: readonly Sink[] = ['cloudwatch', 's3'];
