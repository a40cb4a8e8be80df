// AWS's own clients, for the tests beside this file: they are the judge of what the sandbox says on the wire. Nothing but
// credentials, Region and endpoint is set, and no retries, so that a test sees the first answer.
// eslint-disable-next-line no-restricted-imports -- the sandbox is judged by the real SDK, and only its tests import this file
import * as logs from '@aws-sdk/client-cloudwatch-logs';
// eslint-disable-next-line no-restricted-imports -- see above
import * as s3 from '@aws-sdk/client-s3';
// eslint-disable-next-line no-restricted-imports -- see above
import * as sts from '@aws-sdk/client-sts';

export { logs, s3, sts };

export interface SdkKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SdkTarget {
  readonly endpoint: string;
  readonly region?: string;
  readonly credentials: SdkKeys;
}

function settings({ endpoint, region = 'eu-west-1', credentials }: SdkTarget) {
  return { endpoint, region, credentials, maxAttempts: 1 };
}

export function logsClient(target: SdkTarget): logs.CloudWatchLogsClient {
  return new logs.CloudWatchLogsClient(settings(target));
}

export function s3Client(target: SdkTarget): s3.S3Client {
  return new s3.S3Client({ ...settings(target), forcePathStyle: true });
}

export function stsClient(target: SdkTarget): sts.STSClient {
  return new sts.STSClient(settings(target));
}

/** What a failed call tells a program: the error's code, its status and its message. */
export interface SdkRefusal {
  readonly code: string;
  readonly httpStatus: number | undefined;
  readonly message: string;
}

/** Awaits the refusal of a call; a call that succeeds fails the test. */
export async function refusalOf(call: Promise<unknown>): Promise<SdkRefusal> {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as Error & {
      $metadata?: { httpStatusCode?: number };
    };
    return { code: name, httpStatus: $metadata?.httpStatusCode, message };
  }
  throw new Error('The call was expected to be refused, and it succeeded.');
}

/** A matcher for a message of which one part matters. */
export function saying(part: string): unknown {
  return expect.stringContaining(part) as unknown;
}
