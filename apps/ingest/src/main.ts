import 'reflect-metadata';
import { listeningPort, nestLogger, ProblemFilter, runApp, type Logger } from '@logferry/runtime';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import { loadIngestConfig } from './config';
import { Gate } from './gate';
import { guardEvents } from './guard-events';
import { INGEST_LOG, IngestModule } from './ingest.module';

void runApp(async () => {
  const config = loadIngestConfig();
  const adapter = new FastifyAdapter({
    bodyLimit: config.bodyBytesMax,
    requestTimeout: config.requestTimeoutMs,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 128 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(IngestModule, adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  const log = app.get<Logger>(INGEST_LOG);
  app.useLogger(nestLogger(log));
  app.useGlobalFilters(new ProblemFilter(log));
  guardEvents(adapter.getInstance(), app.get(Gate));
  await app.listen(config.port, config.host);
  return {
    log,
    ports: { http: listeningPort(adapter.getHttpServer()) },
    close: () => app.close(),
    shutdownDeadlineMs: config.shutdownDeadlineMs,
  };
});
