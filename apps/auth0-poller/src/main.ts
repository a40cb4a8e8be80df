import 'reflect-metadata';
import { runApp, startHttpApp, type Logger } from '@logferry/runtime';
import { POLLER_CONFIG, POLLER_LOG, type Auth0PollerConfig } from './config';
import { PollerModule } from './poller.module';

void runApp(() =>
  startHttpApp(PollerModule, (app) => ({
    ...app.get<Auth0PollerConfig>(POLLER_CONFIG),
    log: app.get<Logger>(POLLER_LOG),
  })),
);
