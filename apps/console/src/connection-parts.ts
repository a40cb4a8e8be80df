import { sharedTransport, type Platform } from '@logferry/aws';
import { Rations, Reminders, type RedisClient } from '@logferry/queue';
import {
  brokerAddress,
  BrokerClient,
  BrokerDesk,
  type Logger,
  type Metrics,
} from '@logferry/runtime';
import { ConfigStore, ConnectionResults } from '@logferry/store';
import { AccountSetupDesk } from './account-setup-desk';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { ConnectionDesk } from './connection-desk';
import { ConnectionTest } from './connection-test';
import { ConnectionWatch } from './connection-watch';
import { ResealDesk } from './reseal-desk';

const REQUEST_TIMEOUT_MS = 15_000;
const HOUR_MS = 3_600_000;

/** What connecting an AWS account consists of, for the module that knows Redis, the log and the metrics by these tokens. */
export function connectionParts(redis: symbol, log: symbol, metrics: typeof Metrics) {
  return [
    {
      provide: AccountSetupDesk,
      inject: [ConfigStore, BrokerDesk, CONSOLE_CONFIG],
      useFactory: (store: ConfigStore, broker: BrokerDesk, config: ConsoleConfig) => {
        const { stackTemplateUrl } = config;
        const platform = platformOf(config);
        return new AccountSetupDesk({ store, broker, platform, stackTemplateUrl });
      },
    },
    ...testParts(redis, log, metrics),
    {
      provide: ResealDesk,
      inject: [ConfigStore, BrokerDesk, CONSOLE_CONFIG],
      useFactory: (store: ConfigStore, broker: BrokerDesk, { readOnly }: ConsoleConfig) =>
        new ResealDesk({ store, broker, readOnly }),
    },
  ];
}

/** The test of a connection, what is remembered of it, and who makes it anew every day. */
function testParts(redis: symbol, log: symbol, metrics: typeof Metrics) {
  return [
    {
      provide: BrokerClient,
      inject: [CONSOLE_CONFIG],
      useFactory: (config: ConsoleConfig) => new BrokerClient(brokerAddress(config)),
    },
    {
      provide: ConnectionResults,
      inject: [redis],
      useFactory: (client: RedisClient) => new ConnectionResults(client),
    },
    {
      provide: ConnectionTest,
      inject: [redis, BrokerClient, BrokerDesk, CONSOLE_CONFIG],
      useFactory: (
        client: RedisClient,
        sessions: BrokerClient,
        ...[broker, config]: [BrokerDesk, ConsoleConfig]
      ) =>
        new ConnectionTest({
          sessions,
          decoys: config.tryDecoys ? broker : undefined,
          platform: platformOf(config),
          memory: { rations: new Rations(client), reminders: new Reminders(client) },
          transport: sharedTransport({ requestTimeoutMs: REQUEST_TIMEOUT_MS }),
          forcePathStyle: config.forcePathStyle,
        }),
    },
    {
      provide: ConnectionDesk,
      inject: [
        ConfigStore,
        ConnectionResults,
        ConnectionTest,
        ...[BrokerDesk, CONSOLE_CONFIG, log, metrics],
      ],
      useFactory: (
        store: ConfigStore,
        results: ConnectionResults,
        test: ConnectionTest,
        ...[broker, config, logger, gauges]: [BrokerDesk, ConsoleConfig, Logger, Metrics]
      ) => {
        const changes = gauges.counter(
          'connection_changes_total',
          'Connections that stopped working, or work again, as tests and checks found',
          ['outcome'],
        );
        const onChange = (outcome: 'passed' | 'failed'): void => changes.inc({ outcome });
        return new ConnectionDesk({
          store,
          results,
          test,
          decoys: config.tryDecoys ? broker : undefined,
          log: logger,
          readOnly: config.readOnly,
          onChange,
        });
      },
    },
    connectionWatch(log),
  ];
}

function connectionWatch(log: symbol) {
  return {
    provide: ConnectionWatch,
    inject: [ConfigStore, ConnectionResults, ConnectionDesk, CONSOLE_CONFIG, log],
    useFactory: (
      store: ConfigStore,
      results: ConnectionResults,
      desk: ConnectionDesk,
      ...[{ checkHours, readOnly }, logger]: [ConsoleConfig, Logger]
    ) => {
      const everyMs = readOnly ? 0 : checkHours * HOUR_MS;
      return new ConnectionWatch({ store, results, desk, log: logger, everyMs });
    },
  };
}

function platformOf({
  issuerUrl,
  tokenIssuerUrl = issuerUrl,
  tokenAudience,
  tokenSubject,
  platformPrincipal,
  sessionTagging,
}: ConsoleConfig): Platform {
  return {
    issuerUrl: tokenIssuerUrl,
    audience: tokenAudience,
    subjectPattern: tokenSubject,
    principalArn: platformPrincipal,
    hasSessionTags: sessionTagging !== 'off',
  };
}
