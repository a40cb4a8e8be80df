import { integer, loadConfig, s3Settings, workerSettings, type ConfigOf } from '@logferry/runtime';

const PREFIX = 'LOGFERRY_S3_WORKER_';

export const s3WorkerSettings = {
  ...workerSettings(PREFIX, 8085),
  ...s3Settings,
  payloadBytesMax: integer(
    {
      name: `${PREFIX}PAYLOAD_BYTES_MAX`,
      description:
        'What batches under way may take of memory together; further ones wait. An object of more than 8 MiB takes 48 MiB of it, however large it is.',
    },
    { min: 64 * 1024 * 1024, max: 64 * 1024 * 1024 * 1024, default: 256 * 1024 * 1024 },
  ),
};

export function loadS3WorkerConfig(): ConfigOf<typeof s3WorkerSettings> {
  return loadConfig(s3WorkerSettings, PREFIX);
}
