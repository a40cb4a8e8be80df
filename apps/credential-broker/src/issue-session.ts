import {
  Failure,
  roleSessionName,
  sessionKey,
  unreachable,
  type AwsSession,
  type Destination,
} from '@logferry/core';
import type { WebIdentityCall } from '@logferry/aws';
import { Unreadable } from '@logferry/store';
import type { SessionCache, SessionSubject } from './session-cache';

/** Where a destination is looked up. */
interface FindDestination {
  destination(tenantId: string, destinationId: string): Promise<Destination | undefined>;
}

/** Whoever signs identity tokens. */
interface TokenSource {
  tokenFor(tenantId: string, nowMs: number): Promise<string>;
}

/** Whoever trades a token for a session. */
interface Sts {
  assumeRole(call: WebIdentityCall): Promise<AwsSession>;
}

/** How a session is had from STS: a token that names the tenant, for the role that the tenant's own destination names. */
export function sessionFetcher(
  tokens: TokenSource,
  sts: Sts,
): (subject: SessionSubject) => Promise<AwsSession> {
  return async ({ tenantId, roleArn, region, durationSeconds }) =>
    sts.assumeRole({
      region,
      roleArn,
      durationSeconds,
      sessionName: roleSessionName(tenantId),
      token: await tokens.tokenFor(tenantId, Date.now()),
    });
}

/**
 * Answers for a destination's session. Which role it is for stands in the destination, never in the request: nobody can ask for a
 * session of a role that is not their tenant's.
 */
export class IssueSession {
  constructor(
    private readonly directory: FindDestination,
    private readonly sessions: SessionCache,
  ) {}

  /**
   * @returns a session, and what it was issued for: the worker may know the destination as it was before a change, or after it
   * @throws Failure `credential.*` or `destination.*`
   */
  async run(
    tenantId: string,
    destinationId: string,
    refusedAccessKeyId?: string,
  ): Promise<{ session: AwsSession; issuedFor: string }> {
    const destination = await this.directory
      .destination(tenantId, destinationId)
      .catch((cause: unknown) => {
        throw cause instanceof Unreadable
          ? new Failure('destination.unreadable', { cause })
          : cause;
      });
    if (destination === undefined) throw new Failure('destination.missing');
    const { credentials, region } = destination;
    switch (credentials.kind) {
      case 'web_identity': {
        const { roleArn, sessionDurationSeconds } = credentials;
        const subject = { tenantId, roleArn, region, durationSeconds: sessionDurationSeconds };
        const session = await this.sessions.get(subject, refusedAccessKeyId);
        return { session, issuedFor: sessionKey(destination) };
      }
      default:
        return unreachable(credentials.kind);
    }
  }
}
