import 'reflect-metadata';
import {
  brokerServerTls,
  listeningPort,
  runApp,
  startHttpApp,
  type Logger,
  type RunningApp,
} from '@logferry/runtime';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import type { Server } from 'node:net';
import { BrokerModule } from './broker.module';
import { BROKER_CONFIG, BROKER_LOG, type BrokerConfig } from './config';

/**
 * A request is a few hundred characters, but Nest holds this against all that is there to be read, of however many requests: up to 64 KiB
 * at a time. With 16 KiB, a worker that asked for a hundred sessions at once lost its connection, and all hundred answers.
 */
const READ_CHARS_MAX = 128 * 1024;

export function startBroker(): Promise<RunningApp> {
  return startHttpApp(BrokerModule, (app) => {
    const config = app.get<BrokerConfig>(BROKER_CONFIG);
    return {
      ...config,
      log: app.get<Logger>(BROKER_LOG),
      prepare: async () => {
        const tlsOptions = brokerServerTls(config.host, config.tlsDir);
        const microservice = app.connectMicroservice<MicroserviceOptions>({
          transport: Transport.TCP,
          options: {
            host: config.host,
            port: config.tcpPort,
            maxBufferSize: READ_CHARS_MAX,
            ...(tlsOptions === undefined ? {} : { tlsOptions }),
          },
        });
        await app.startAllMicroservices();
        return { tcp: listeningPort(microservice.unwrap<Server>()) };
      },
    };
  });
}

if (require.main === module) void runApp(startBroker);
