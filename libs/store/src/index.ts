// What we remember between restarts: tenants, their destinations, and keys. In Redis, announced on every change.
export * from './api-key';
export * from './config-store';
export * from './directory';
