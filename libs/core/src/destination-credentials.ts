import { z } from 'zod';
import { STS } from './limits';

const roleArn = z
  .string()
  .max(2048)
  .regex(
    /^arn:aws[a-z-]{0,16}:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    'must be a role ARN, such as arn:aws:iam::123456789012:role/logferry',
  )
  .describe("the role in the tenant's account, such as `arn:aws:iam::123456789012:role/logferry`");

const sessionSeconds = (most: number) =>
  z.int().min(STS.sessionSecondsMin).max(most).default(STS.sessionSecondsDefault);

const webIdentity = z.strictObject({
  kind: z
    .literal('web_identity')
    .describe("a session by an identity token that names the tenant, of the broker's OIDC issuer"),
  roleArn,
  sessionDurationSeconds: sessionSeconds(STS.sessionSecondsMax).describe(
    "seconds of an STS session; the role's own maximum must allow it",
  ),
});

const assumeRole = {
  kind: z
    .literal('assume_role')
    .describe("a session by the platform's own AWS identity, with an ExternalId that we mint"),
  roleArn,
  // The broker's identity is a session of a role itself wherever it runs in AWS, and STS chains sessions for an hour at most.
  sessionDurationSeconds: sessionSeconds(STS.chainedSessionSecondsMax).describe(
    "seconds of an STS session; the role's own maximum must allow it",
  ),
};

const externalId = z
  .string()
  .regex(/^[\w-]{20,128}$/, 'must be an ExternalId that Logferry has minted');

const accessKey = {
  kind: z.literal('access_key').describe('a long-lived access key of an IAM user'),
  accessKeyId: z
    .string()
    .regex(/^[A-Z0-9]{16,128}$/, "must be an access key's id, such as AKIAIOSFODNN7EXAMPLE")
    .describe("the access key's id; of a temporary one (ASIA…) the secret alone is not enough"),
  account: z
    .string()
    .regex(/^\d{12}$/, 'must be an AWS account, 12 digits')
    .optional()
    .describe('the AWS account that the key belongs to, as far as it is known'),
};

/** What `Sealing` makes of a secret; the key's id tells which key opens it. */
export const SealedSecret = z
  .string()
  .max(2_048)
  .regex(/^v1\.[\w-]{1,32}\.[\w-]{16}\.[\w-]{22,}$/, 'must be a secret that the broker has sealed');

/**
 * How we come to a session in the tenant's account, as it is stored. No secret is part of it but a sealed one, which only the broker
 * can open.
 */
export const Credentials = z.discriminatedUnion('kind', [
  webIdentity,
  z.strictObject({ ...assumeRole, externalId }),
  z.strictObject({ ...accessKey, sealedSecret: SealedSecret }),
]);
export type Credentials = z.infer<typeof Credentials>;

/** A role and how it is assumed, which is all that its trust policy is asked about. */
export const AssumedRole = z.strictObject({
  kind: z.enum(['web_identity', 'assume_role']),
  roleArn,
});
export type AssumedRole = z.infer<typeof AssumedRole>;

/** Nothing of an access key. */
export function assumedRole(credentials: Credentials): AssumedRole | undefined {
  if (credentials.kind === 'access_key') return undefined;
  const { kind, roleArn: role } = credentials;
  return { kind, roleArn: role };
}

/**
 * The same as somebody enters it: with the secret, which may be left out where it was entered before, and without the ExternalId, which
 * nobody chooses. One that is given must be ours.
 */
export const CredentialsInput = z.discriminatedUnion('kind', [
  webIdentity,
  z.strictObject({
    ...assumeRole,
    externalId: externalId
      .optional()
      .describe('made by Logferry, one for each destination; shown, and never chosen'),
  }),
  z.strictObject({
    ...accessKey,
    secretAccessKey: z
      .string()
      .regex(/^[\w/+=]{16,128}$/, 'must be a secret access key, as AWS showed it once')
      .optional()
      .describe(
        "the key's secret: sealed before it is stored, and never shown again. It may be left out when another field is changed",
      ),
  }),
]);
export type CredentialsInput = z.infer<typeof CredentialsInput>;

/** What may be shown of a destination's credentials: all but the secret, which is not even shown sealed. */
export type ShownCredentials =
  | Extract<Credentials, { roleArn: string }>
  | Omit<Extract<Credentials, { kind: 'access_key' }>, 'sealedSecret'>;

export function shownCredentials(credentials: Credentials): ShownCredentials {
  if (credentials.kind !== 'access_key') return credentials;
  const { kind, accessKeyId, account } = credentials;
  return { kind, accessKeyId, ...(account === undefined ? {} : { account }) };
}
