// The only library that knows the AWS SDK: writing to CloudWatch Logs and S3, trading tokens at STS, and what AWS's errors mean. It
// decides nothing about batches, tenants or retries.
export * from './account-setup';
export * from './call-actions';
export * from './caller-identity';
export * from './classify';
export * from './cloudwatch-sink';
export * from './data-key';
export * from './denial';
export type { CreationMemory, NewLogGroup } from './log-stream-creator';
export * from './multipart-upload';
export * from './object-call';
export * from './permission-policy';
export * from './platform-identity';
export * from './put-outcome';
export * from './rejected-ranges';
export * from './s3-sink';
export * from './setup-cloudformation';
export * from './setup-commands';
export * from './setup-terraform';
export * from './session-policy';
export * from './sink-access';
export * from './transport';
export * from './trust-policy';
export * from './web-identity';
