import 'reflect-metadata';
import { runApp, startHttpApp, type Logger, type RunningApp } from '@logferry/runtime';
import { INGEST_CONFIG, type IngestConfig } from './config';
import { Gate } from './gate';
import { guardEvents } from './guard-events';
import { INGEST_LOG, IngestModule } from './ingest.module';

export function startIngest(): Promise<RunningApp> {
  return startHttpApp(IngestModule, (app) => {
    const config = app.get<IngestConfig>(INGEST_CONFIG);
    return {
      ...config,
      log: app.get<Logger>(INGEST_LOG),
      prepare: () =>
        guardEvents(app.getHttpAdapter().getInstance(), app.get(Gate), config.bodyBytesMax),
    };
  });
}

if (require.main === module) void runApp(startIngest);
