// What is remembered of sources beside their configuration: who runs one, where it has got to, what its runs came to, and when the next
// one is due. In Redis and BullMQ; knows neither Auth0 nor ingest.
export * from './due-times';
export * from './feed-position';
export * from './run-lease';
export * from './run-queue';
export type { Feed, SourcePlace } from './source-keys';
export * from './schedule';
export * from './source-runs';
export type { SourceRedis } from './source-scripts';
