import {
  Failure,
  sessionKey,
  unreachable,
  type AwsSession,
  type Credentials,
  type Destination,
  type DestinationPlace,
  type SessionRequest,
} from '@logferry/core';
import { Unreadable } from '@logferry/store';
import type { ExternalIds } from './external-ids';
import type { Sealing } from './sealing';
import type { SessionCache, SessionSubject } from './session-cache';
import type { SessionAnswer } from './session-observer';

/** Where a destination is looked up. */
export interface FindDestination {
  destination(tenantId: string, destinationId: string): Promise<Destination | undefined>;
}

interface IssueSessionParts {
  directory: FindDestination;
  sessions: Pick<SessionCache, 'get' | 'getAnew'>;
  sealing: Sealing;
  externalIds: ExternalIds;
  /** What narrows a session to its destination, the narrower first; empty for sessions that may do all that their role may. */
  policies: (tenantId: string, destination: Destination, stray: string | undefined) => string[];
  onAnswer?: (answer: SessionAnswer) => void;
  now?: () => number;
}

/** What a session is asked for with, beside whose it is. */
type Asked = Pick<SessionRequest, 'refusedAccessKeyId' | 'stray' | 'anew'>;

/** An access key has no end of its own; a worker asks again after this, and what was taken from us is gone from it by then. */
const ACCESS_KEY_MS = 3_600_000;

/**
 * Answers for a destination's session. Which role it is for stands in the destination, never in the request: nobody can ask for a
 * session of a role that is not their tenant's.
 */
export class IssueSession {
  constructor(private readonly parts: IssueSessionParts) {}

  /**
   * @returns a session, and what it was issued for: the worker may know the destination as it was before a change, or after it
   * @throws Failure `credential.*` or `destination.*`
   */
  async run(
    tenantId: string,
    destinationId: string,
    asked: Asked = {},
  ): Promise<{ session: AwsSession; issuedFor: string }> {
    const place = { tenantId, destinationId };
    let kind: Credentials['kind'] | undefined;
    try {
      const destination = await findDestination(this.parts.directory, place);
      const { credentials } = destination;
      kind = credentials.kind;
      const session =
        credentials.kind === 'access_key'
          ? this.openAccessKey(place, credentials, asked.refusedAccessKeyId)
          : await this.roleSession(this.subject(tenantId, destination, asked.stray), asked);
      this.parts.onAnswer?.({ ...place, kind, failure: undefined });
      return { session, issuedFor: sessionKey(destination) };
    } catch (error) {
      const failure = error instanceof Failure ? error.code : 'credential.broker_unavailable';
      this.parts.onAnswer?.({ ...place, kind, failure });
      throw error;
    }
  }

  private roleSession(
    subject: SessionSubject,
    { refusedAccessKeyId, anew }: Asked,
  ): Promise<AwsSession> {
    const { sessions } = this.parts;
    return anew === true ? sessions.getAnew(subject) : sessions.get(subject, refusedAccessKeyId);
  }

  /** What STS is asked for on behalf of a destination that has a role. */
  private subject(
    tenantId: string,
    destination: Destination,
    stray: string | undefined,
  ): SessionSubject {
    const { id, credentials, region } = destination;
    const owner = { tenantId, destinationId: id };
    const policies = this.parts.policies(tenantId, destination, stray);
    switch (credentials.kind) {
      case 'web_identity': {
        const { kind, roleArn, sessionDurationSeconds: durationSeconds } = credentials;
        return { ...owner, kind, roleArn, region, durationSeconds, policies };
      }
      case 'assume_role': {
        const { kind, roleArn, externalId, sessionDurationSeconds: durationSeconds } = credentials;
        // Whoever knows another's ExternalId, which is no secret, must not get to that one's role by writing it into his destination.
        if (this.parts.externalIds.of(owner) !== externalId)
          throw new Failure('credential.external_id_foreign');
        return { ...owner, kind, roleArn, region, durationSeconds, externalId, policies };
      }
      case 'access_key':
        throw new Failure('credential.kind_unavailable');
      default:
        return unreachable(credentials);
    }
  }

  private openAccessKey(
    owner: DestinationPlace,
    { accessKeyId, sealedSecret }: Extract<Credentials, { kind: 'access_key' }>,
    refusedAccessKeyId: string | undefined,
  ): AwsSession {
    // There is no fresh one to be had in its place: only the tenant can mend it.
    if (accessKeyId === refusedAccessKeyId) throw new Failure('credential.key_refused');
    const secretAccessKey = this.parts.sealing.open(owner, sealedSecret);
    const now = this.parts.now ?? Date.now;
    return { accessKeyId, secretAccessKey, expiresAt: now() + ACCESS_KEY_MS };
  }
}

/** @throws Failure `destination.*` */
export async function findDestination(
  directory: FindDestination,
  { tenantId, destinationId }: DestinationPlace,
): Promise<Destination> {
  const destination = await directory
    .destination(tenantId, destinationId)
    .catch((cause: unknown) => {
      throw cause instanceof Unreadable ? new Failure('destination.unreadable', { cause }) : cause;
    });
  if (destination === undefined) throw new Failure('destination.missing');
  return destination;
}
