import 'reflect-metadata';
import { runApp, startHttpApp, type Logger } from '@logferry/runtime';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { BROKER_LOG } from './broker.controller';
import { BrokerModule } from './broker.module';
import { BROKER_CONFIG, type BrokerConfig } from './config';

/** A request for a session is a few hundred characters. */
const MESSAGE_CHARS_MAX = 16 * 1024;

void runApp(() =>
  startHttpApp(BrokerModule, (app) => {
    const config = app.get<BrokerConfig>(BROKER_CONFIG);
    return {
      ...config,
      log: app.get<Logger>(BROKER_LOG),
      prepare: async () => {
        app.connectMicroservice<MicroserviceOptions>({
          transport: Transport.TCP,
          options: { host: config.host, port: config.tcpPort, maxBufferSize: MESSAGE_CHARS_MAX },
        });
        await app.startAllMicroservices();
        return { tcp: config.tcpPort };
      },
    };
  }),
);
