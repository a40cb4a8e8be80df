import type { SandboxSeed } from './sandbox-aws/seed';

export interface CustomerAccount {
  account: string;
  region: string;
  issuerUrl: string;
  tenantId: string;
  roleArn: string;
  bucket: string;
  /** The log groups that the role may write to; `*` at the end of a name stands for any end. */
  logGroups: readonly string[];
}

/**
 * A customer's AWS account as the customer sets it up: our issuer as an identity provider, a role that trusts it for this tenant
 * alone and may do what delivering takes and nothing else, and a bucket.
 */
export function customerAccount(customer: CustomerAccount): SandboxSeed {
  const { account, region, issuerUrl, tenantId, roleArn, bucket, logGroups } = customer;
  return {
    accounts: [account],
    oidcProviders: [{ account, url: issuerUrl }],
    buckets: [{ name: bucket, region, account }],
    roles: [
      {
        arn: roleArn,
        trustPolicy: tenantTrustPolicy(account, issuerUrl, tenantId),
        policies: [logEventsPolicy(account, region, logGroups), objectsPolicy(bucket)],
      },
    ],
  };
}

/** What a role must be allowed for CloudWatch Logs; docs/guides/connect-aws.md shows it to customers. */
export function logEventsPolicy(account: string, region: string, logGroups: readonly string[]) {
  const arns = logGroups.map((name) => `arn:aws:logs:${region}:${account}:log-group:${name}`);
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: arns.flatMap((arn) => [arn, `${arn}:*`]),
      },
    ],
  };
}

/** What a role must be allowed for S3; docs/guides/connect-aws.md shows it to customers. */
export function objectsPolicy(bucket: string) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:PutObject', 's3:AbortMultipartUpload'],
        Resource: `arn:aws:s3:::${bucket}/*`,
      },
    ],
  };
}

/** The trust policy that makes a role assumable for one tenant of an issuer, and for no other; in the guide too. */
export function tenantTrustPolicy(account: string, issuerUrl: string, tenantId: string) {
  const provider = issuerUrl.replace(/^https?:\/\//, '');
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${provider}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${provider}:sub`]: `tenant:${tenantId}`,
            [`${provider}:aud`]: 'sts.amazonaws.com',
          },
        },
      },
    ],
  };
}
