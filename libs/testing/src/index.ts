// What tests and tools hold in their hands: a Redis that may be killed, and an AWS that refuses what AWS refuses. Never production code.
export * from './free-port';
export * from './until';
export * from './redis';
export * from './redis-cluster';
export * from './stopwatch';
export * from './builders';
export * from './creation-memory';
export * from './customer-account';
export * from './built-app';
export * from './environment';
export * from './hook-stand-in';
export * from './session-broker';
export { startKmsStandIn, type KmsStandIn } from './kms-stand-in';
export * from './power-cut/fsync-journal';
export { startOidcIssuer } from './oidc-issuer';
export type { IssuerBehaviour, OidcIssuer, OidcIssuerOptions } from './oidc-issuer';
export { startAuth0StandIn } from './auth0-stand-in/start-auth0-stand-in';
export type { Auth0StandIn, Auth0StandInOptions } from './auth0-stand-in/start-auth0-stand-in';
export type { ApiCall, Auth0Tenant, Auth0TenantOptions } from './auth0-stand-in/auth0-tenant';
export type { ApiFault, FaultHandle } from './auth0-stand-in/api-fault';
export { LOG_TYPES, UNDOCUMENTED_LOG_TYPES } from './auth0-stand-in/generated-log';
export type { Auth0Log, NewAuth0Log } from './auth0-stand-in/tenant-logs';
export type { RateLimit } from './auth0-stand-in/token-bucket';
export { startSandboxAws } from './sandbox-aws/start-sandbox-aws';
export type { SandboxAws, SandboxAwsOptions } from './sandbox-aws/start-sandbox-aws';
export type {
  BucketReading,
  IdentityReading,
  LogGroupReading,
  LogGroupRef,
  LogStreamReading,
  LogStreamRef,
} from './sandbox-aws/sandbox-control';
export { InvalidSeed } from './sandbox-aws/seed';
export type { SandboxSeed } from './sandbox-aws/seed';
export type { FaultSpec } from './sandbox-aws/fault-spec';
export type { FaultReading } from './sandbox-aws/faults';
export type { TakenLogEvents } from './sandbox-aws/taken-log-events';
export { createPrng } from './sandbox-aws/prng';
export type { StoredEvent } from './sandbox-aws/log-stream';
export type { StoredObject } from './sandbox-aws/bucket-store';
export type { CounterReading } from './sandbox-aws/counters';
