// Telling somebody what happened: a queue of notifications, and messages made of them for the tenant's channels.
export * from './hook-address';
export * from './hook-client';
export * from './hook-turns';
export { NotificationQueue, type Message } from './notification-queue';
export * from './notification-worker';
export * from './webhook-signature';
