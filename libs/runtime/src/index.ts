// What every process needs: configuration, log, metrics, health, its life from start to stop, and the way to the broker. The only
// library that knows Nest, and the only place that reads the environment.
export * from './broker-client';
export type { BrokerAddress } from './broker-connection';
export * from './broker-desk';
export * from './broker-source-tokens';
export * from './broker-tls';
export * from './config';
export * from './dead-letter-gauges';
export * from './dead-letter-observer';
export * from './delivery-observer';
export * from './health.controller';
export * from './http-app';
export * from './kept-observer';
export * from './logger';
export * from './metrics';
export * from './readiness';
export * from './repeated-line';
export * from './request-problem';
export * from './run-app';
export * from './secret';
export * from './settings';
export * from './version';
