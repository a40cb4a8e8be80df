import { flag, loadConfig, workerSettings, type ConfigOf } from '@logferry/runtime';

const PREFIX = 'LOGFERRY_S3_WORKER_';

export const s3WorkerSettings = {
  ...workerSettings(PREFIX, 8085),
  forcePathStyle: flag(
    {
      name: `${PREFIX}FORCE_PATH_STYLE`,
      description:
        "Whether the bucket's name goes into the path instead of the host's name. S3 itself does not want it; most S3-compatible stores do.",
    },
    false,
  ),
};

export function loadS3WorkerConfig(): ConfigOf<typeof s3WorkerSettings> {
  return loadConfig(s3WorkerSettings, PREFIX);
}
