import {
  Failure,
  roleSessionName,
  sessionTags,
  type AwsSession,
  type SessionTagging,
} from '@logferry/core';
import type { AssumeRoleCall, WebIdentityCall } from '@logferry/aws';
import type { SessionSubject } from './session-cache';

/** Whoever has identity tokens. */
export interface TokenSource {
  /** Whether each tenant has tokens that name it: else nothing in a token tells tenants apart. */
  readonly isPerTenant?: boolean;
  tokenFor(tenantId: string, nowMs: number): Promise<string>;
}

/** Whoever trades a token for a session. */
export interface WebIdentity {
  assumeRole(call: WebIdentityCall): Promise<AwsSession>;
}

/** Whoever assumes a role with the platform's own identity. */
export interface PlatformIdentity {
  assumeRole(call: AssumeRoleCall): Promise<AwsSession>;
}

export interface SessionFetcherParts {
  tokens: TokenSource;
  webIdentity: WebIdentity;
  platformIdentity: PlatformIdentity;
  tagging?: SessionTagging;
}

/** How a session is had from STS: by a token that names the tenant, or by our own identity and the destination's ExternalId. */
export function sessionFetcher({
  tokens,
  webIdentity,
  platformIdentity,
  tagging = 'off',
}: SessionFetcherParts): (subject: SessionSubject) => Promise<AwsSession> {
  const fetchWith = async (
    subject: SessionSubject,
    policy: string | undefined,
  ): Promise<AwsSession> => {
    const { tenantId, kind, roleArn, region, durationSeconds, externalId } = subject;
    const sessionName = roleSessionName(tenantId);
    const call = { region, roleArn, durationSeconds, sessionName, policy };
    if (kind === 'assume_role') {
      const tags = sessionTags(tenantId, tagging);
      return platformIdentity.assumeRole({
        ...call,
        externalId,
        tags: tags?.values,
        areTagsTransitive: tags?.areTransitive,
      });
    }
    const token = await tokens.tokenFor(tenantId, Date.now());
    return webIdentity.assumeRole({ ...call, token });
  };
  return async (subject) => {
    const [first, ...wider] = subject.policies;
    let fetched = fetchWith(subject, first);
    for (const policy of wider)
      fetched = fetched.catch((error: unknown) => {
        if (!isTooLarge(error)) throw error;
        return fetchWith(subject, policy);
      });
    return fetched;
  };
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'credential.policy_too_large';
