// One question to an AWS, real or emulated, and what AWS documents as the answer.
import type { logs, s3, sts } from './sdk-clients';

/** The three services of one target, and a bucket and a log group of its own for each probe. */
export interface Place {
  readonly endpoint: string;
  readonly logs: logs.CloudWatchLogsClient;
  readonly s3: s3.S3Client;
  readonly sts: sts.STSClient;
  readonly group: string;
  readonly bucket: string;
}

export interface Probe {
  readonly name: string;
  /** What AWS answers: an error's code, `ok`, or the part of the answer that matters. */
  readonly aws: unknown;
  readonly motoDeviates?: string;
  readonly ask: (place: Place) => Promise<unknown>;
}

export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: Error) => error.name,
  );
}
