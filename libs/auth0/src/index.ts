// Auth0's Management API: tokens, the log page by page, the pace that its rate limit allows, and what its errors mean.
export type { Auth0Reach } from './auth0-address';
export * from './auth0-log';
export * from './client-token';
export * from './management-api';
export { Pacer } from './pacer';
