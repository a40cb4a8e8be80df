// Who may assume a tenant's role: we, and only on behalf of that tenant.

/** How AWS knows that it is us, and for whom we come. */
export type Trust =
  | { kind: 'web_identity'; issuerUrl: string; audience: string; subject: string }
  | { kind: 'assume_role'; principalArn: string; externalId: string };

export interface TrustPolicy {
  Version: '2012-10-17';
  Statement: {
    Effect: 'Allow';
    Principal: { Federated: string } | { AWS: string };
    Action: string | string[];
    Condition: { StringEquals: Record<string, string> };
  }[];
}

interface TrustingAccount {
  partition: string;
  account: string;
  /** Whether our sessions have tags: AWS refuses them without this permission. */
  hasSessionTags: boolean;
}

/** An issuer as IAM names it, in ARNs and in conditions. A slash at the end is part of the name, as of env0's own. */
export function issuerName(issuerUrl: string): string {
  return issuerUrl.replace(/^https?:\/\//, '');
}

export function providerArn(issuerUrl: string, partition: string, account: string): string {
  return `arn:${partition}:iam::${account}:oidc-provider/${issuerName(issuerUrl)}`;
}

/**
 * The trust policy that lets us assume a role for one tenant, and nobody else: what the tenant is known by is compared whole, never by a
 * pattern.
 */
export function trustPolicy(
  trust: Trust,
  { partition, account, hasSessionTags }: TrustingAccount,
): TrustPolicy {
  const actions = (assume: string): string | string[] =>
    hasSessionTags ? [assume, 'sts:TagSession'] : assume;
  if (trust.kind === 'assume_role') {
    return document({
      Principal: { AWS: trust.principalArn },
      Action: actions('sts:AssumeRole'),
      Condition: { StringEquals: { 'sts:ExternalId': trust.externalId } },
    });
  }
  const issuer = issuerName(trust.issuerUrl);
  return document({
    Principal: { Federated: providerArn(trust.issuerUrl, partition, account) },
    Action: actions('sts:AssumeRoleWithWebIdentity'),
    Condition: {
      StringEquals: {
        [`${issuer}:sub`]: trust.subject,
        [`${issuer}:aud`]: trust.audience,
      },
    },
  });
}

function document(statement: Omit<TrustPolicy['Statement'][number], 'Effect'>): TrustPolicy {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] };
}
