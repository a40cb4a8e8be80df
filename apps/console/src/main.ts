import 'reflect-metadata';
import { LOG_EVENT } from '@logferry/core';
import { isRedisError, type openQueues } from '@logferry/queue';
import {
  RequestProblem,
  runApp,
  startHttpApp,
  type Logger,
  type RunningApp,
} from '@logferry/runtime';
import { KeyHolders } from './caller';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { CONSOLE_LOG, ConsoleModule, QUEUES } from './console.module';
import { guardConsole } from './guard-console';
import { Login } from './login';
import { mountQueueBoard } from './queue-board';

/** A scope in an address: percent-encoding makes nine characters of one. */
const SCOPE_PARAM_CHARS_MAX = 9 * LOG_EVENT.scopeCharsMax;

export function startConsole(): Promise<RunningApp> {
  return startHttpApp(
    ConsoleModule,
    (app) => {
      const config = app.get<ConsoleConfig>(CONSOLE_CONFIG);
      return {
        ...config,
        log: app.get<Logger>(CONSOLE_LOG),
        problemOf: (error) => (isRedisError(error) ? redisAway() : undefined),
        prepare: async () => {
          const server = app.getHttpAdapter().getInstance();
          guardConsole(server, app.get(Login), app.get(KeyHolders));
          await mountQueueBoard(
            server,
            app.get<ReturnType<typeof openQueues>>(QUEUES),
            config.readOnly,
          );
        },
      };
    },
    SCOPE_PARAM_CHARS_MAX,
  );
}

function redisAway(): RequestProblem {
  const message = 'Redis does not answer; whether a change was made cannot be said';
  return new RequestProblem(503, 'console.redis_unavailable', message, { 'retry-after': '1' });
}

if (require.main === module) void runApp(startConsole);
