// What we remember between restarts: tenants, their destinations, and keys. In Redis, announced on every change.
export * from './api-key';
export * from './audit-outbox';
export * from './audit-trail';
export * from './channel-states';
export * from './config-record';
export * from './config-store';
export * from './connection-results';
export * from './directory';
export * from './key-uses';
export * from './watch-memory';
export * from './without-secrets';
