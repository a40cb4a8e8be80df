// The batch protocol on Redis and BullMQ: one job is one batch of one lane. The only library that knows BullMQ. It moves payloads and
// counters together and knows neither AWS nor tenants' configuration. Steps and states: docs/DELIVERY.md.
export * from './append';
export * from './batch';
export * from './batch-store';
export * from './batch-uploads';
export * from './catalog';
export * from './chunk';
export * from './consumer';
export * from './dead-letter-correction';
export * from './dead-letter-retention';
export * from './dead-letter-store';
export * from './dead-letters';
export * from './fragment';
export * from './group-commit';
export * from './holds';
export * from './key-claims';
export * from './oversize';
export * from './payload';
export * from './payload-source';
export * from './producer';
export * from './rations';
export * from './redis-connection';
export * from './reminders';
export * from './redis-trouble';
export * from './within';
export * from './redis-memory';
export * from './shared-rates';
