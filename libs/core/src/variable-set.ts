// The variables by which a platform's customers configure where their logs go, by the names that the platforms document.
//
// env0: https://docs.envzero.com (Amazon CloudWatch, Amazon S3 Logs). Astro: Astronomer's "Export logs to AWS CloudWatch". Auth0: the
// settings of its extension "Auth0 Logs to CloudWatch".
import type { Sink } from './destination';
import { STS } from './limits';
import type { PresetName } from './preset';

export type VariableSetName =
  'env0-cloudwatch' | 'env0-s3' | 'astro-cloudwatch' | 'auth0-cloudwatch';

export interface Variable {
  /** The field of the destination that it sets. */
  field: string;
  meaning: string;
  isRequired?: true;
  /** What holds where it is not set, for people. */
  standard?: string;
  /** How its text is read; as it is, unless it says otherwise. */
  kind?: 'seconds' | 'switch';
  /** Written and never read: it is stored only as the broker has sealed it. */
  isSecret?: true;
  /** The variable that it is another name of. */
  aliasOf?: string;
  /** A valid value, to check the others by where it is missing. */
  probe?: string;
}

export interface VariableSet {
  preset: PresetName;
  type: Sink;
  /** The types of log that it is about, and no others. */
  types: readonly string[];
  credentials: 'web_identity' | 'access_key';
  variables: Readonly<Record<string, Variable>>;
}

const PROBE_ROLE = 'arn:aws:iam::000000000000:role/probe';

const roleArn: Variable = {
  field: 'credentials.roleArn',
  meaning: 'the ARN of the role that is assumed; it must trust the issuer, and this tenant alone',
  isRequired: true,
  probe: PROBE_ROLE,
};

const sessionDuration: Variable = {
  field: 'credentials.sessionDurationSeconds',
  meaning: `how many seconds an STS session lasts, ${STS.sessionSecondsMin} to ${STS.sessionSecondsMax}; the role's own maximum must allow it`,
  standard: String(STS.sessionSecondsDefault),
  kind: 'seconds',
};

const region = (of: string): Variable => ({
  field: 'region',
  meaning: `the AWS Region of ${of}`,
  isRequired: true,
  probe: 'us-east-1',
});

const text = (field: string, meaning: string, over: Partial<Variable> = {}): Variable => ({
  field,
  meaning,
  ...over,
});

export const variableSets: Readonly<Record<VariableSetName, VariableSet>> = {
  'env0-cloudwatch': {
    preset: 'env0',
    type: 'cloudwatch',
    types: ['deployment'],
    credentials: 'web_identity',
    variables: {
      ENV0_CLOUDWATCH_ROLE_ARN: roleArn,
      ENV0_CLOUDWATCH_AWS_REGION: region('the log groups'),
      ENV0_CLOUDWATCH_SESSION_DURATION: sessionDuration,
      ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: text(
        'cloudwatch.logGroupPrefix',
        "stands before the group's name as it is, without a separator",
        { standard: 'none' },
      ),
    },
  },
  'env0-s3': {
    preset: 'env0',
    type: 's3',
    types: ['deployment'],
    credentials: 'web_identity',
    variables: {
      ENV0_S3_LOG_ROLE_ARN: roleArn,
      ENV0_S3_LOG_BUCKET_NAME: text('s3.bucket', 'the bucket, which must be there', {
        isRequired: true,
        probe: 'probe',
      }),
      ENV0_S3_LOG_AWS_REGION: region('the bucket'),
      ENV0_S3_LOG_BUCKET_PATH: text('s3.path', 'the folder in the bucket', { standard: 'none' }),
      ENV0_S3_LOG_SESSION_DURATION: sessionDuration,
    },
  },
  'astro-cloudwatch': {
    preset: 'astro',
    type: 'cloudwatch',
    types: ['task'],
    credentials: 'web_identity',
    variables: {
      ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: text(
        'enabled',
        '`True` switches the export on, `False` off; without it, nothing is exported',
        { isRequired: true, kind: 'switch', probe: 'True' },
      ),
      ASTRO_CLOUDWATCH_ROLE_ARN: roleArn,
      ASTRO_CLOUDWATCH_AWS_REGION: {
        field: 'region',
        meaning: 'the AWS Region of the log groups, if it is another than that of the Deployment',
        standard: 'the Region of the scope',
        probe: 'us-east-1',
      },
      ASTRO_CLOUDWATCH_TASK_LOGS_LOG_GROUP: text('cloudwatch.logGroup', 'the log group', {
        standard: 'one for each Workspace and cluster',
      }),
      ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM: text('cloudwatch.logStream', 'the log stream', {
        standard: 'one for each Deployment',
      }),
      ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM: text(
        'cloudwatch.logStream',
        'another name of `ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM`, which wins where both are set',
        { aliasOf: 'ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM' },
      ),
    },
  },
  'auth0-cloudwatch': {
    preset: 'auth0',
    type: 'cloudwatch',
    types: ['tenant'],
    credentials: 'access_key',
    variables: {
      CLOUDWATCH_LOG_GROUP_NAME: text('cloudwatch.logGroup', 'the log group', {
        isRequired: true,
        probe: 'probe',
      }),
      CLOUDWATCH_LOG_STREAM_NAME: text('cloudwatch.logStream', 'the log stream', {
        isRequired: true,
        probe: 'probe',
      }),
      AWS_ACCESS_KEY_ID: text('credentials.accessKeyId', "the id of an IAM user's access key", {
        isRequired: true,
        probe: 'AKIAIOSFODNN7EXAMPLE',
      }),
      AWS_SECRET_KEY: text(
        'credentials.secretAccessKey',
        "the access key's secret: never shown again, and stored sealed",
        { isRequired: true, isSecret: true },
      ),
      AWS_REGION: region('the log group'),
    },
  },
};

export const variableSetNames = Object.keys(variableSets) as VariableSetName[];

/** The one variable that is a secret, and the one whose value says which key it is of. */
export const SECRET_VARIABLE = { name: 'AWS_SECRET_KEY', keyId: 'AWS_ACCESS_KEY_ID' } as const;

/** What Auth0's extension is told too, and what is no matter of where logs go but of the source that pulls them. */
export const SOURCE_VARIABLES: readonly string[] = [
  'BATCH_SIZE',
  'START_FROM',
  'LOG_LEVEL',
  'LOG_TYPES',
  'SLACK_INCOMING_WEBHOOK',
  'SLACK_INCOMING_WEBHOOK_URL',
  'SLACK_SEND_SUCCESS',
  'DAILY_REPORT_TIME',
];
