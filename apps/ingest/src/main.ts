import 'reflect-metadata';
import { runApp, startHttpApp, type Logger, type RunningApp } from '@logferry/runtime';
import { INGEST_CONFIG, type IngestConfig } from './config';
import { Gate } from './gate';
import { guardEvents } from './guard-events';
import { INGEST_LOG, IngestModule } from './ingest.module';

/**
 * Senders that keep their connections use them within this time, and are told by the answer to make new ones elsewhere. With half of it,
 * a restart failed one request on a machine with six times the work it could do (seen). A short deadline leaves the other half to the
 * requests that are under way.
 */
const DRAIN_MS = 2_000;

export function startIngest(): Promise<RunningApp> {
  return startHttpApp(IngestModule, (app) => {
    const config = app.get<IngestConfig>(INGEST_CONFIG);
    return {
      ...config,
      log: app.get<Logger>(INGEST_LOG),
      drainMs: Math.min(DRAIN_MS, config.shutdownDeadlineMs / 2),
      prepare: () =>
        guardEvents(app.getHttpAdapter().getInstance(), app.get(Gate), config.bodyBytesMax),
    };
  });
}

if (require.main === module) void runApp(startIngest);
