import { ChannelSecrets, Failure } from '@logferry/core';
import type { ConfigStore } from '@logferry/store';
import type { Sealing } from './sealing';

/** Opens what is secret of a stored channel, for the console that has a message for it. */
export class OpenChannel {
  constructor(
    private readonly store: Pick<ConfigStore, 'channels'>,
    private readonly sealing: Pick<Sealing, 'open'>,
  ) {}

  /** @throws Failure `channel.missing` or `credential.*` */
  async run(owner: { tenantId: string; channelId: string }): Promise<ChannelSecrets> {
    const channels = await this.store.channels(owner.tenantId);
    const channel = channels.find(({ id }) => id === owner.channelId);
    if (channel === undefined) throw new Failure('channel.missing');
    const opened = this.sealing.open(owner, channel.sealedSecret);
    const secrets = ChannelSecrets.safeParse(jsonOf(opened));
    if (!secrets.success)
      throw new Failure('credential.secret_unreadable', { detail: 'of another version' });
    return secrets.data;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
