import { CHANNELS_MAX, type ShownChannel } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import { byTenants } from './by-tenants';
import type { ChannelDesk } from './channel-desk';
import type { ChannelStateView } from './channel-state-view';

export interface ChannelAddress {
  tenantId: string;
  channelId: string;
}

export interface ListedChannel extends ChannelAddress {
  /** Neither is known of a channel that cannot be read. */
  channel: ShownChannel | undefined;
  state: ChannelStateView | undefined;
}

interface Parts {
  store: Pick<ConfigStore, 'tenantIds' | 'withChannels'>;
  desk: Pick<ChannelDesk, 'list' | 'find' | 'state'>;
}

/**
 * The channels of all tenants, by their ids, and what became of their messages.
 *
 * @param after the last tenant of the page before
 * @returns the tenant behind which the next page begins, if there may be one
 */
export async function listChannels(
  { store, desk }: Parts,
  after = '',
): Promise<{ channels: ListedChannel[]; next: string | undefined }> {
  const { found, next } = await byTenants(await store.tenantIds(), after, async (tenantIds) => {
    const having = new Set(await store.withChannels(tenantIds));
    return Promise.all(
      tenantIds.map((id) => (having.has(id) ? addressesOf(desk, id) : Promise.resolve([]))),
    );
  });
  const channels = await Promise.all(found.map((at) => listed(desk, at)));
  return { channels: channels.filter((one) => one !== undefined), next };
}

/** One that was deleted meanwhile hides no other. */
function listed(desk: Parts['desk'], at: ChannelAddress): Promise<ListedChannel | undefined> {
  return listedChannel(desk, at).catch(ofProblem(() => undefined));
}

/** @throws RequestProblem if there is no such channel */
export async function listedChannel(
  desk: Pick<ChannelDesk, 'find' | 'state'>,
  at: ChannelAddress,
): Promise<ListedChannel> {
  const { tenantId, channelId } = at;
  const channel = await desk.find(tenantId, channelId);
  if ('unreadable' in channel) return { ...at, channel: undefined, state: undefined };
  return { ...at, channel, state: await desk.state(tenantId, channelId) };
}

async function addressesOf(desk: Parts['desk'], tenantId: string): Promise<ChannelAddress[]> {
  const all = { limit: CHANNELS_MAX };
  const { channels } = await desk
    .list(tenantId, all)
    .catch(ofProblem(() => ({ channels: [] as { id: string }[] })));
  return channels.map(({ id }) => ({ tenantId, channelId: id }));
}

/** @throws what is no RequestProblem */
function ofProblem<T>(answer: () => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof RequestProblem) return answer();
    throw error;
  };
}
