// The customers of the fault suite: each with an account, a Region and a bucket of its own, and the same names of groups and streams,
// so that a log event in a stranger's account would look at home there.
import { Destination } from '@logferry/core';
import { customerAccount, type SandboxSeed } from '@logferry/testing';

export interface Tenant {
  id: string;
  account: string;
  region: string;
  bucket: string;
  roleArn: string;
}

export const LOG_GROUP = 'env0-deployments';

export const DESTINATIONS = ['cloudwatch', 's3'] as const;
export type DestinationId = (typeof DESTINATIONS)[number];

export const tenants: readonly Tenant[] = [
  aTenant('acme', '111111111111', 'eu-central-1'),
  aTenant('globex', '222222222222', 'us-east-1'),
  aTenant('initech', '333333333333', 'ap-southeast-2'),
];

function aTenant(id: string, account: string, region: string): Tenant {
  const roleArn = `arn:aws:iam::${account}:role/logferry`;
  return { id, account, region, bucket: `${id}-logs`, roleArn };
}

/** A tenant's account as the tenant sets it up. */
export function accountSeed({ id, ...tenant }: Tenant, issuerUrl: string): SandboxSeed {
  return customerAccount({ ...tenant, tenantId: id, issuerUrl, logGroups: ['env0-*'] });
}

export function destinationsOf({ region, bucket, roleArn }: Tenant): Destination[] {
  const shared = {
    preset: 'env0',
    region,
    credentials: { kind: 'web_identity', roleArn },
  };
  return [
    { ...shared, id: 'cloudwatch', type: 'cloudwatch', cloudwatch: { lingerMs: 200 } },
    { ...shared, id: 's3', type: 's3', s3: { bucket, lingerMs: 200 } },
  ].map((destination) => Destination.parse(destination));
}
