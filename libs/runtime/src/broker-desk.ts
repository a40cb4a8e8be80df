import {
  CHANNEL_SECRETS_PATTERN,
  ChannelSecretsReply,
  DECOY_PATTERN,
  DecoyReply,
  EXTERNAL_ID_PATTERN,
  ExternalIdReply,
  Failure,
  RESEAL_PATTERN,
  SEAL_PATTERN,
  SealReply,
  type AssumedRole,
  type ChannelSecrets,
  type Credentials,
  type CredentialsInput,
  type DestinationPlace,
  type FailureCode,
  type SecretOwner,
} from '@logferry/core';
import type { z } from 'zod';
import { BrokerConnection, type BrokerAddress } from './broker-connection';

type Failed = { failure: FailureCode; retryAfterMs?: number | undefined };

/** What the console asks of the broker: to seal a secret, to name an ExternalId, to try a role as somebody else would. */
export class BrokerDesk {
  private readonly connection: BrokerConnection;

  constructor(address: BrokerAddress) {
    this.connection = new BrokerConnection(address);
  }

  /** @throws Failure `credential.*` */
  async seal(owner: SecretOwner, plainSecret: string): Promise<string> {
    const { sealedSecret } = await this.ask(SEAL_PATTERN, { ...owner, plainSecret }, SealReply);
    return sealedSecret;
  }

  /** @throws Failure `credential.*` */
  async reseal(owner: SecretOwner, sealedSecret: string): Promise<string> {
    return (await this.ask(RESEAL_PATTERN, { ...owner, sealedSecret }, SealReply)).sealedSecret;
  }

  /** @throws Failure `credential.*` */
  async externalId(place: DestinationPlace): Promise<string> {
    return (await this.ask(EXTERNAL_ID_PATTERN, { ...place }, ExternalIdReply)).externalId;
  }

  /**
   * What is secret of a channel, to send a message to it: never to be stored, logged or answered.
   *
   * @throws Failure `credential.*` or `channel.missing`
   */
  channelSecrets(place: { tenantId: string; channelId: string }): Promise<ChannelSecrets> {
    return this.ask(CHANNEL_SECRETS_PATTERN, { ...place }, ChannelSecretsReply);
  }

  /** @throws Failure `credential.*` */
  tryDecoys(
    place: DestinationPlace,
    tried: { role: AssumedRole; region: string },
  ): Promise<Exclude<DecoyReply, Failed>> {
    return this.ask(DECOY_PATTERN, { ...place, ...tried }, DecoyReply);
  }

  /**
   * Makes of credentials as they were entered what is stored of them.
   *
   * @param stored what is stored of the destination so far, whose secret stays where none is entered for the same key
   * @returns `undefined` if a secret is missing
   * @throws Failure `credential.*`; `credential.external_id_foreign` for an ExternalId that somebody chose
   */
  async storedCredentials(
    place: DestinationPlace,
    entered: CredentialsInput,
    stored: Credentials | undefined,
  ): Promise<Credentials | undefined> {
    switch (entered.kind) {
      case 'web_identity':
        return entered;
      case 'assume_role': {
        const externalId = await this.externalId(place);
        if (entered.externalId !== undefined && entered.externalId !== externalId)
          throw new Failure('credential.external_id_foreign');
        return { ...entered, externalId };
      }
      case 'access_key': {
        const { secretAccessKey, ...rest } = entered;
        if (secretAccessKey !== undefined)
          return { ...rest, sealedSecret: await this.seal(place, secretAccessKey) };
        const isSameKey =
          stored?.kind === 'access_key' && stored.accessKeyId === entered.accessKeyId;
        return isSameKey ? { ...rest, sealedSecret: stored.sealedSecret } : undefined;
      }
    }
  }

  close(): void {
    this.connection.close();
  }

  private async ask<T extends object>(
    pattern: string,
    request: object,
    schema: z.ZodType<T | Failed>,
  ): Promise<Exclude<T, Failed>> {
    const answer = await this.connection.ask(pattern, request).catch((cause: unknown) => {
      throw new Failure('credential.broker_unavailable', { cause });
    });
    const reply = schema.safeParse(answer);
    if (!reply.success)
      throw new Failure('credential.broker_unavailable', {
        detail: 'an answer of another version',
      });
    const { data } = reply;
    if ('failure' in data) {
      const { failure, retryAfterMs } = data;
      throw new Failure(failure, retryAfterMs === undefined ? {} : { retryAfterMs });
    }
    return data as Exclude<T, Failed>;
  }
}
