// How customers say where their logs go: by a destination, or by the variables of a platform.
import { accessKey, BUCKET, REGION, role } from './pasted-account';

export const byExternalId = (name: string) => ({ kind: 'assume_role', roleArn: role(name) });
const key = { kind: 'access_key', ...accessKey };
export const cloudwatch = {
  type: 'cloudwatch',
  cloudwatch: { logGroup: 'new/logs', logStream: 'all' },
};
const s3 = { type: 's3', s3: { bucket: BUCKET, path: 'our/logs' } };

type Way = { destination: object } | { variables: object };

export const ways: Record<string, Way> = {
  'env0, CloudWatch': {
    variables: {
      ENV0_CLOUDWATCH_ROLE_ARN: role('env0'),
      ENV0_CLOUDWATCH_AWS_REGION: REGION,
      ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'prod/',
      ENV0_CLOUDWATCH_SESSION_DURATION: '7200',
    },
  },
  'env zero, S3': {
    variables: {
      ENV0_S3_LOG_ROLE_ARN: role('env0-s3'),
      ENV0_S3_LOG_BUCKET_NAME: BUCKET,
      ENV0_S3_LOG_AWS_REGION: REGION,
      ENV0_S3_LOG_BUCKET_PATH: 'our/logs',
    },
  },
  Astro: {
    variables: {
      ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'True',
      ASTRO_CLOUDWATCH_ROLE_ARN: role('astro'),
      ASTRO_CLOUDWATCH_AWS_REGION: REGION,
    },
  },
  Auth0: {
    variables: {
      CLOUDWATCH_LOG_GROUP_NAME: 'auth0/logs',
      CLOUDWATCH_LOG_STREAM_NAME: 'our-tenant',
      AWS_ACCESS_KEY_ID: accessKey.accessKeyId,
      AWS_SECRET_KEY: accessKey.secretAccessKey,
      AWS_REGION: REGION,
    },
  },
  'a role with an ExternalId, CloudWatch': {
    destination: { ...cloudwatch, credentials: byExternalId('logs') },
  },
  'a role with an ExternalId, S3': {
    destination: { ...s3, credentials: byExternalId('objects') },
  },
  'an access key, CloudWatch': { destination: { ...cloudwatch, credentials: key } },
  'an access key, S3': { destination: { ...s3, credentials: key } },
};
