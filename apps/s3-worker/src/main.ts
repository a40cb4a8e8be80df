import 'reflect-metadata';
import { runApp, startHttpApp } from '@logferry/runtime';
import { WorkerProcess } from '@logferry/worker';
import { WorkerModule } from './worker.module';

void runApp(() => startHttpApp(WorkerModule, (app) => app.get(WorkerProcess).parts));
