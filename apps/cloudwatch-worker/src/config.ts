import { loadConfig, workerSettings, type ConfigOf } from '@logferry/runtime';

const PREFIX = 'LOGFERRY_CLOUDWATCH_WORKER_';

export const cloudWatchWorkerSettings = workerSettings(PREFIX, 8084);

export function loadCloudWatchWorkerConfig(): ConfigOf<typeof cloudWatchWorkerSettings> {
  return loadConfig(cloudWatchWorkerSettings, PREFIX);
}
