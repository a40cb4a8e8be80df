import { z } from 'zod';
import { assert, unreachable } from './assert';
import type { Destination } from './destination';
import type { Credentials } from './destination-credentials';
import { failureKinds, isFailureCode, type FailureCode } from './failure';
import { STS } from './limits';
import { TenantId } from './tenant';

/**
 * With what AWS is called in a tenant's account: an STS session, or the tenant's access key for as long as it may be used without
 * asking again. Lives in memory only: never in Redis, a job, a log line or a metric.
 */
export interface AwsSession {
  accessKeyId: string;
  secretAccessKey: string;
  /** An access key of an IAM user has none. */
  sessionToken?: string | undefined;
  expiresAt: number;
}

/**
 * Whether a session may still be used at `nowMs`, keeping `marginMs` for the call that is about to be made with it.
 */
export function isFresh(
  session: Pick<AwsSession, 'expiresAt'>,
  nowMs: number,
  marginMs: number,
): boolean {
  return session.expiresAt - nowMs > marginMs;
}

/**
 * How much of a session must be left for it to be used. A worker's call takes half a minute at most (its time-out, unless it is set
 * otherwise), and clocks differ. The broker hands out only what has longer: else a worker would find what it was just given too
 * old, and ask again.
 */
export const SESSION_MARGINS_MS = { worker: 60_000, broker: 90_000 } as const;

assert(
  SESSION_MARGINS_MS.broker > SESSION_MARGINS_MS.worker,
  'a session that the broker hands out is fresh for the worker',
);
assert(
  SESSION_MARGINS_MS.broker < STS.sessionSecondsMin * 1_000,
  'the shortest session is fresh when it is issued',
);

/**
 * Everything of a destination that shapes its sessions, as a text to compare: a session that was issued for another one may be of a
 * role, or an account, that the destination has left, or be narrowed to a bucket or log group that it does not write to any more. What
 * else there is of a destination is left out: while processes of two versions run, they must agree on it.
 */
export function sessionKey(destination: Destination): string {
  const { credentials, region } = destination;
  return JSON.stringify([credentialsKey(credentials), region, ...writtenTo(destination)]);
}

function credentialsKey(credentials: Credentials): unknown[] {
  switch (credentials.kind) {
    case 'web_identity':
      return [credentials.kind, credentials.roleArn, credentials.sessionDurationSeconds];
    case 'assume_role': {
      const { kind, roleArn, externalId, sessionDurationSeconds } = credentials;
      return [kind, roleArn, externalId, sessionDurationSeconds];
    }
    case 'access_key':
      return [credentials.kind, credentials.accessKeyId, credentials.sealedSecret];
    default:
      return unreachable(credentials);
  }
}

/** What the policy is made of that narrows a session to its destination. */
function writtenTo(destination: Destination): unknown[] {
  const { type, preset } = destination;
  if (type === 's3') {
    const { bucket, path, key, encryption, objectBytesMax } = destination.s3;
    return [type, preset, bucket, path, key, encryption, objectBytesMax];
  }
  const { logGroup, logGroupPrefix, retentionDays, tags, kmsKeyId } = destination.cloudwatch;
  return [type, preset, logGroup, logGroupPrefix, retentionDays, tags, kmsKeyId];
}

/**
 * STS's RoleSessionName for a tenant: it shows in the tenant's CloudTrail, so it names us and them and nothing personal.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export function roleSessionName(tenantId: string): string {
  return `logferry-${tenantId}`.slice(0, STS.sessionNameCharsMax);
}

/** Stands for the tenant in what a platform says of the tokens of an issuer of its own. */
export const TENANT_PLACEHOLDER = '{tenant}';

/** The subject of our own tokens. */
export const TOKEN_SUBJECT = `tenant:${TENANT_PLACEHOLDER}`;

/** The subject of a tenant's identity token. The tenant's trust policy must demand it: it is what tells tenants apart. */
export function subjectOf(tenantId: string, pattern = TOKEN_SUBJECT): string {
  return pattern.replaceAll(TENANT_PLACEHOLDER, tenantId);
}

/** Whether sessions carry tags. A role must allow `sts:TagSession` for that, or AWS refuses it: so the platform decides for all of them. */
export const sessionTaggings = ['off', 'on', 'transitive'] as const;
export type SessionTagging = (typeof sessionTaggings)[number];

/** The session tag that names the tenant: `aws:PrincipalTag/logferry-tenant` in policies, `aws:RequestTag/…` in trust policies. */
export const TENANT_TAG = 'logferry-tenant';

/** The tags of a tenant's sessions; transitive ones stay with whatever role is assumed with the session. */
export function sessionTags(
  tenantId: string,
  tagging: SessionTagging,
): { values: Record<string, string>; areTransitive: boolean } | undefined {
  if (tagging === 'off') return undefined;
  return { values: { [TENANT_TAG]: tenantId }, areTransitive: tagging === 'transitive' };
}

export const TOKEN_AUDIENCE = 'sts.amazonaws.com';

/** What a worker asks of the broker, over Nest's TCP transport. */
export const SESSION_PATTERN = 'session.v1';

export const SessionRequest = z.strictObject({
  secret: z.string().max(512),
  tenantId: TenantId,
  destinationId: TenantId,
  /** A session that AWS refused as expired, by its access key id, so that it is not handed out again. */
  refusedAccessKeyId: z.string().max(128).optional(),
  /** What is to be written to that the destination's present names do not cover, by `strayTarget`. */
  stray: z.string().max(1_024).optional(),
  /** That STS is asked for it now, whatever is remembered: to find out how the role is at this moment. */
  anew: z.boolean().optional(),
});
export type SessionRequest = z.infer<typeof SessionRequest>;

export const failureCode = z.custom<FailureCode>(
  (code) => typeof code === 'string' && isFailureCode(code),
);

export const SessionReply = z.union([
  z.strictObject({
    session: z.strictObject({
      accessKeyId: z.string(),
      secretAccessKey: z.string(),
      sessionToken: z.string().optional(),
      expiresAt: z.number(),
    }),
    /** The `sessionKey` of the destination as the broker knows it, which may be of a moment before or after the worker's. */
    issuedFor: z.string(),
  }),
  z.strictObject({ failure: failureCode, retryAfterMs: z.number().optional() }),
]);
export type SessionReply = z.infer<typeof SessionReply>;

/** Only what the broker says about a session and the way to it may travel as its failure; anything else is a bug in the broker. */
export function isCredentialFailure(code: FailureCode): boolean {
  return (
    Object.hasOwn(failureKinds, code) &&
    ['credential.', 'destination.', 'network.', 'source.', 'channel.'].some((area) =>
      code.startsWith(area),
    )
  );
}
