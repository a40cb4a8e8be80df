import { z } from 'zod';
import { Credentials, CredentialsInput } from './destination-credentials';
import { Filter } from './filter';
import { Keep } from './keep';
import { CLOUDWATCH, RETENTION_DAYS, S3 } from './limits';
import { logGroupProblem, logStreamProblem } from './naming';
import { keyProblem } from './object-key';
import { Redaction } from './redaction';
import { presetNames, presets } from './preset';
import { Scope } from './scope';
import { TenantId } from './tenant';

/** The name of an AWS Region. */
export const Region = z
  .string()
  .regex(
    /^[a-z]{2,4}(-[a-z]{1,16}){1,3}-\d{1,2}$/,
    'must be the name of an AWS Region, such as eu-central-1',
  );
const region = Region.describe(
  'the AWS Region of the log groups or of the bucket, such as `eu-central-1`',
);

const template = (description: string, problemOf: (text: string) => string | undefined) =>
  z
    .string()
    .min(1)
    .max(CLOUDWATCH.nameCharsMax)
    .superRefine((text, context) => {
      const message = problemOf(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
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
const kmsKeyArn = /^arn:aws[a-z-]{0,16}:kms:([a-z0-9-]+):\d{12}:key\/[\w-]+$/;

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
  override: z
    .strictObject({
      scope: Scope.describe(
        "for log events of this scope and below it, the destination takes the place of the tenant's others of its preset and type, as far as its `filter.types` go; the nearest scope wins, and an empty one is the tenant. This is what [variables](../guides/variables.md) are made into",
      ),
    })
    .optional(),
  filter: Filter,
  redact: Redaction,
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
  keep: Keep.optional(),
};

const preset = z
  .enum(presetNames)
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
      logGroup: template(
        'the log group, a template; presets but `auth0` give one',
        logGroupProblem,
      ).optional(),
      logGroupPrefix: z
        .string()
        .max(CLOUDWATCH.nameCharsMax)
        .default('')
        .describe("stands before the group's name as it is, without a separator"),
      logStream: template(
        'the log stream, a template; presets but `auth0` give one',
        logStreamProblem,
      ).optional(),
      lingerMs: lingerMs(60_000).default(1_000).describe('how long a batch may wait for more'),
      batchLogEventsMax: z
        .int()
        .min(1)
        .max(CLOUDWATCH.batchLogEventsMax)
        .default(CLOUDWATCH.batchLogEventsMax)
        .describe(
          "the most log events of one PutLogEvents call; AWS's own most unless set. Fewer make more calls",
        ),
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

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html: buckets, and no access points or the like. */
const bucketName =
  /^(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const kmsKeyId =
  /^(arn:aws[a-z-]{0,16}:kms:[a-z0-9-]+:\d{12}:(key\/[\w-]{1,256}|alias\/[\w/-]{1,250})|alias\/[\w/-]{1,250}|[\w-]{1,256})$/;

export const S3Destination = z.strictObject({
  type: z.literal('s3'),
  ...base,
  preset,
  s3: z.strictObject({
    bucket: z
      .string()
      .regex(bucketName, 'must be the name of an S3 bucket')
      .describe('the bucket, which must be there'),
    expectedBucketOwner: z
      .string()
      .regex(/^\d{12}$/, 'must be an AWS account, 12 digits')
      .optional()
      .describe(
        "the account that the bucket must belong to; without it, that of the credentials, where it is known. S3 refuses a bucket of any other, so nobody gets logs by taking a deleted bucket's name",
      ),
    path: z
      .string()
      .max(400)
      .regex(/^[\w!*'()./=-]*$/, "may hold letters, digits and ! _ . * ' ( ) = - /")
      .refine(
        (path) => !path.split('/').some((segment) => /^\.{1,2}$/.test(segment)),
        'no part of it between slashes may be . or ..',
      )
      .default('')
      .describe('a folder in the bucket that all keys begin with'),
    key: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe("the object's key below `path`, a template; without it, env zero's"),
    keyTime: z
      .enum(['event', 'delivery'])
      .default('event')
      .describe(
        "what the key's date parts are of: the log events, so that a folder holds those of its hour or day and no others; or the delivery",
      ),
    objectBytesMax: z
      .int()
      .min(S3.objectBytesMin)
      .max(S3.objectBytesMax)
      .default(8 * 1024 * 1024)
      .describe('an object is written when it would grow beyond this, before it is compressed'),
    lingerMs: lingerMs(900_000).default(60_000).describe('how long an object may wait for more'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .default('none')
      .describe('adds Content-Encoding, and `.gz` or `.zst` to the key'),
    contentType: z
      .string()
      .max(255)
      .regex(
        /^[\w.+-]+\/[\w.+-]+(; ?[\w-]+=[\w.+-]+)*$/,
        'must be a media type, such as text/plain',
      )
      .default('application/x-ndjson')
      .describe("the object's Content-Type"),
    encryption: z
      .strictObject({
        kind: z
          .enum(['bucket', 'sse_s3', 'sse_kms'])
          .default('bucket')
          .describe("as the bucket's own default says, with S3's keys, or with a KMS key"),
        kmsKeyId: z
          .string()
          .regex(kmsKeyId, 'must be the ARN, the id or the alias of a KMS key')
          .optional()
          .describe(
            "for `sse_kms`: the key, in the bucket's Region; of another account by its ARN. Without it, AWS's own for S3",
          ),
        bucketKeyEnabled: z
          .boolean()
          .optional()
          .describe(
            'for `sse_kms`: an S3 Bucket Key, which makes fewer calls to KMS; without it, as the bucket says',
          ),
      })
      .prefault({}),
    storageClass: z
      .enum([
        'STANDARD',
        'INTELLIGENT_TIERING',
        'STANDARD_IA',
        'ONEZONE_IA',
        'GLACIER_IR',
        'GLACIER',
        'DEEP_ARCHIVE',
      ])
      .default('STANDARD')
      .describe("S3's storage class"),
    checksum: z
      .enum(['CRC32', 'CRC32C', 'SHA256'])
      .default('CRC32')
      .describe('what S3 checks what arrived by, and keeps'),
  }),
});
export type S3Destination = z.infer<typeof S3Destination>;

/** What no field says alone is told beside what is wrong with others, so that somebody corrects all of it at once. */
const beside = { when: () => true };

/** Where a tenant's log events go: a configuration of CloudWatch Logs or of S3 in the tenant's own account. */
export const Destination = z
  .discriminatedUnion('type', [CloudWatchDestination, S3Destination])
  .superRefine(refuseContradictions, beside);
export type Destination = z.infer<typeof Destination>;

/** A destination as somebody enters it, with the credentials as they are entered. */
export const DestinationInput = z
  .discriminatedUnion('type', [
    CloudWatchDestination.extend({ credentials: CredentialsInput }),
    S3Destination.extend({ credentials: CredentialsInput }),
  ])
  .superRefine(refuseContradictions, beside);
export type DestinationInput = z.infer<typeof DestinationInput>;

/** The AWS account that a destination lies in; of an access key it is known only where somebody has said it. */
export function accountOf({ credentials }: Pick<Destination, 'credentials'>): string | undefined {
  if (credentials.kind === 'access_key') return credentials.account;
  return credentials.roleArn.split(':')[4];
}

const NEEDED = 'is needed where no preset gives it';

/** What no field says alone. */
interface Contradiction {
  field: string;
  /** What it is found by: where one of these is wrong itself, nothing is known of it. */
  of: readonly string[];
  problem: () => string | undefined;
}

function refuseContradictions(
  destination: Destination | DestinationInput,
  context: z.RefinementCtx,
): void {
  const wrong = context.issues.flatMap(({ code, path = [] }) =>
    // A field that there is not leaves those that there are as they are.
    code === 'unrecognized_keys' ? [] : [path.join('.')],
  );
  // Then there is nothing to look into.
  if (wrong.includes('') || wrong.includes('type') || wrong.includes(destination.type)) return;
  const isWrong = (field: string): boolean =>
    wrong.some(
      (other) => `${other}.`.startsWith(`${field}.`) || `${field}.`.startsWith(`${other}.`),
    );
  const own = destination.type === 's3' ? ofS3(destination) : ofCloudWatch(destination);
  for (const { field, of, problem } of [ofOverride(destination), ...own]) {
    const message = of.some(isWrong) ? undefined : problem();
    if (message !== undefined)
      context.addIssue({ code: 'custom', path: field.split('.'), message });
  }
}

function ofOverride({ override, preset }: Pick<Destination, 'override' | 'preset'>): Contradiction {
  const message = 'is for destinations with a preset: it takes the place of others with the same';
  const isAlone = (): boolean => override !== undefined && preset === undefined;
  return {
    field: 'override',
    of: ['preset'],
    problem: () => (isAlone() ? message : undefined),
  };
}

function ofCloudWatch({
  region,
  preset,
  cloudwatch,
}: Omit<CloudWatchDestination, 'credentials'>): Contradiction[] {
  const { logGroup, logGroupPrefix, kmsKeyId } = cloudwatch;
  const given = () => preset && presets[preset];
  const needed = (name: 'logGroup' | 'logStream'): Contradiction => ({
    field: `cloudwatch.${name}`,
    of: ['preset', `cloudwatch.${name}`],
    problem: () =>
      cloudwatch[name] === undefined && given()?.[name] === undefined ? NEEDED : undefined,
  });
  return [
    {
      field: 'cloudwatch.kmsKeyId',
      of: ['region', 'cloudwatch.kmsKeyId'],
      problem: () => {
        const keyRegion = kmsKeyArn.exec(kmsKeyId ?? '')?.[1];
        if (keyRegion === undefined || keyRegion === region) return undefined;
        return `lies in ${keyRegion}; AWS takes only a key of the destination's Region`;
      },
    },
    needed('logGroup'),
    needed('logStream'),
    {
      field: 'cloudwatch.logGroupPrefix',
      of: ['preset', 'cloudwatch.logGroup', 'cloudwatch.logGroupPrefix'],
      problem: () =>
        logGroupProblem(logGroup ?? given()?.logGroup?.('type') ?? 'x', logGroupPrefix),
    },
  ];
}

function ofS3({ region, s3 }: Omit<S3Destination, 'credentials'>): Contradiction[] {
  const { encryption } = s3;
  const forKms = (name: 'kmsKeyId' | 'bucketKeyEnabled'): Contradiction => ({
    field: `s3.encryption.${name}`,
    of: ['s3.encryption'],
    problem: () =>
      encryption.kind !== 'sse_kms' && encryption[name] !== undefined
        ? 'is for the kind sse_kms only'
        : undefined,
  });
  return [
    {
      field: 's3.key',
      of: ['s3.path', 's3.key', 's3.keyTime', 's3.compression'],
      problem: () => keyProblem(s3),
    },
    forKms('kmsKeyId'),
    forKms('bucketKeyEnabled'),
    {
      field: 's3.encryption.kmsKeyId',
      of: ['region', 's3.encryption'],
      problem: () => {
        const { kmsKeyId } = encryption;
        const keyRegion =
          kmsKeyId?.startsWith('arn:') === true ? kmsKeyId.split(':')[3] : undefined;
        if (keyRegion === undefined || keyRegion === region) return undefined;
        return "must be a key in the bucket's Region";
      },
    },
  ];
}

/** What a destination delivers through: one queue and one kind of worker each. */
export type Sink = Destination['type'];
export const sinks: readonly Sink[] = ['cloudwatch', 's3'];
