// What the console asks of the broker beside sessions, over the same transport and with the same secret. Each answer is a failure's
// code or what was asked for.
import { z } from 'zod';
import { ChannelSecrets } from './channel';
import { failureCode } from './credential';
import { Region } from './destination';
import { AssumedRole, SealedSecret } from './destination-credentials';
import { TenantId } from './tenant';

const asked = {
  secret: z.string().max(512),
  tenantId: TenantId,
  destinationId: TenantId,
};

const failed = z.strictObject({ failure: failureCode, retryAfterMs: z.number().optional() });

export interface DestinationPlace {
  tenantId: string;
  destinationId: string;
}

/** Whose a secret is: a destination's access key, a source's client secret, or the address of a channel. */
export type SecretOwner =
  | DestinationPlace
  | { tenantId: string; sourceId: string }
  | { tenantId: string; channelId: string };

/** What a request about a secret says beside `own`: one owner, and of one kind. */
const ofOwner = <S extends z.ZodRawShape>(own: S) => {
  const { secret, tenantId } = asked;
  return z.union([
    z.strictObject({ ...asked, ...own }),
    z.strictObject({ secret, tenantId, sourceId: TenantId, ...own }),
    z.strictObject({ secret, tenantId, channelId: TenantId, ...own }),
  ]);
};

/** To seal a secret for one owner of one tenant: nobody can use what is stored for another, nor for another kind with the same id. */
export const SEAL_PATTERN = 'seal.v1';
export const SealRequest = ofOwner({ plainSecret: z.string().min(1).max(1_024) });
export type SealRequest = z.infer<typeof SealRequest>;
export const SealReply = z.union([z.strictObject({ sealedSecret: SealedSecret }), failed]);
export type SealReply = z.infer<typeof SealReply>;

/** To seal once more, with the newest key, what an older one has sealed. What the newest has sealed comes back as it is. */
export const RESEAL_PATTERN = 'reseal.v1';
export const ResealRequest = ofOwner({ sealedSecret: SealedSecret });
export type ResealRequest = z.infer<typeof ResealRequest>;

/** For the ExternalId of a destination: always the same for the same one, and another for every other. */
export const EXTERNAL_ID_PATTERN = 'external-id.v1';
export const ExternalIdRequest = z.strictObject(asked);
export type ExternalIdRequest = z.infer<typeof ExternalIdRequest>;
export const ExternalIdReply = z.union([z.strictObject({ externalId: z.string() }), failed]);
export type ExternalIdReply = z.infer<typeof ExternalIdReply>;

/**
 * To try a role as somebody else would: with the subjects of tenants that there are not, or without the right ExternalId. Whoever asks is
 * told what AWS made of it, and is given no session: so it may name a role, which no request for a session may.
 */
export const DECOY_PATTERN = 'decoy.v1';
export const DecoyRequest = z.strictObject({ ...asked, role: AssumedRole, region: Region });
export type DecoyRequest = z.infer<typeof DecoyRequest>;

/**
 * - `refused`: AWS refused every decoy as one that the role does not trust.
 * - `accepted`: AWS would let another tenant assume the role.
 * - `unknown`: neither is proven. AWS was away, or refused for another reason, or all tenants have the same token.
 */
export const DecoyOutcome = z.enum(['refused', 'accepted', 'unknown']);
export type DecoyOutcome = z.infer<typeof DecoyOutcome>;

export const DecoyReply = z.union([
  z.strictObject({
    outcome: DecoyOutcome,
    /** Why nothing is known. */
    because: failureCode.optional(),
  }),
  failed,
]);
export type DecoyReply = z.infer<typeof DecoyReply>;

/** The poller's question: for a token of the Management API, of a source that is stored. The client's secret never leaves the broker. */
export const SOURCE_TOKEN_PATTERN = 'source-token.v1';
export const SourceTokenRequest = z.strictObject({
  secret: z.string().max(512),
  tenantId: TenantId,
  sourceId: TenantId,
  /** A token that Auth0 refused, by its SHA-256 in hex, so that it is not handed out again. */
  refusedTokenHash: z.string().max(64).optional(),
});
export type SourceTokenRequest = z.infer<typeof SourceTokenRequest>;
export const SourceTokenReply = z.union([
  z.strictObject({
    accessToken: z.string().max(16_384),
    expiresAt: z.number(),
    /** Which source it was issued for, by `sourceKey`: broker and poller may be a moment apart. */
    issuedFor: z.string(),
  }),
  failed,
]);
export type SourceTokenReply = z.infer<typeof SourceTokenReply>;

/** The console's question when it has a message for a channel: for its address, and for what the message is signed with. */
export const CHANNEL_SECRETS_PATTERN = 'channel-secrets.v1';
export const ChannelSecretsRequest = z.strictObject({
  secret: z.string().max(512),
  tenantId: TenantId,
  channelId: TenantId,
});
export type ChannelSecretsRequest = z.infer<typeof ChannelSecretsRequest>;
export const ChannelSecretsReply = z.union([ChannelSecrets, failed]);
export type ChannelSecretsReply = z.infer<typeof ChannelSecretsReply>;
