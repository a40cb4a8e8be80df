import type { ShownChannel } from '@logferry/core';
import type { ChannelStateView } from './channel-state-view';
import { button, facts, html, navigation, page, type Html } from './html';
import type { ChannelAddress, ListedChannel } from './listed-channels';

const dones = {
  sent: 'A message was taken.',
  failed: 'The message was not taken: what is wrong stands below.',
};
export type ChannelDone = keyof typeof dones;
export const channelDones = Object.keys(dones) as [ChannelDone, ...ChannelDone[]];

export function addressOfChannel({ tenantId, channelId }: ChannelAddress): string {
  return `/tenants/${encodeURIComponent(tenantId)}/channels/${encodeURIComponent(channelId)}`;
}

interface ChannelsView {
  channels: readonly ListedChannel[];
  /** The tenant behind which the next page begins. */
  next: string | undefined;
}

/** By what tenants are told of what happens, and whether that goes well. */
export function channelsPage({ channels, next }: ChannelsView): string {
  const table = html`<table>
    <tr>
      <th>Tenant</th>
      <th>Channel</th>
      <th>State</th>
      <th class="n">Sent</th>
      <th class="n">Failed</th>
      <th>Last sent</th>
      <th>Last failure</th>
    </tr>
    ${channels.map(channelRow)}
  </table>`;
  const nextPage = new URLSearchParams({ after: next ?? '' }).toString();
  return page(
    'Channels',
    html`${navigation}
      <h1>Channels</h1>
      ${channels.length === 0 ? html`<p class="dim">There are none.</p>` : table}
      ${next === undefined ? html`` : html`<p><a href="/channels?${nextPage}">More</a></p>`}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
  );
}

const UNREADABLE = html`<span class="bad"
  >What is stored of it cannot be read: write it anew.</span
>`;

function channelRow({ channel, state, ...at }: ListedChannel): Html {
  const name = html`<td>${at.tenantId}</td>
    <td>
      <a href="${addressOfChannel(at)}">${at.channelId}</a><br />
      <span class="dim">${channel === undefined ? '' : `${channel.kind}, ${channel.host}`}</span>
    </td>`;
  if (channel === undefined || state === undefined)
    return html`<tr>
      ${name}
      <td colspan="5">${UNREADABLE}</td>
    </tr>`;
  return html`<tr>
    ${name}
    <td>${stateOf(channel, state)}</td>
    <td class="n">${state.sent}</td>
    <td class="n">${state.failed}</td>
    <td>${state.sentAt ?? 'none yet'}</td>
    <td>${failureOf(state)}</td>
  </tr>`;
}

interface ChannelView extends ListedChannel {
  readOnly: boolean;
  /** What became of the message that was just sent. */
  done: ChannelDone | undefined;
}

/** A channel, and what became of its messages. */
export function channelPage({ channel, state, readOnly, done, ...at }: ChannelView): string {
  const shown =
    channel === undefined || state === undefined
      ? html`<p>${UNREADABLE}</p>`
      : html`${facts(rowsOf(channel, state))}
        ${readOnly ? html`` : button(`${addressOfChannel(at)}/test`, 'Send a test')}`;
  return page(
    `Channel ${at.channelId} of ${at.tenantId}`,
    html`${navigation}
      <p><a href="/channels">All channels</a></p>
      <h1>Channel ${at.channelId} of ${at.tenantId}</h1>
      <p>${done === undefined ? '' : dones[done]}</p>
      ${shown}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
  );
}

function rowsOf(channel: ShownChannel, state: ChannelStateView): [string, string | Html][] {
  const { kind, host, events, sources, destinations, dailyReportHour, timeZone } = channel;
  return [
    ['Kind', kind],
    ['Host', host],
    ['State', stateOf(channel, state)],
    ['Told of', events.join(', ')],
    ['Sources', listOf(sources)],
    ['Destinations', listOf(destinations)],
    ['Daily report', `from ${dailyReportHour}:00 on, ${timeZone}`],
    ['Sent', String(state.sent)],
    ['Failed', String(state.failed)],
    ['Last sent', state.sentAt ?? 'none yet'],
    ['Last failure', failureOf(state)],
  ];
}

function listOf(ids: readonly string[] | undefined): string {
  if (ids === undefined) return 'all';
  return ids.length === 0 ? 'none' : ids.join(', ');
}

function stateOf({ enabled }: ShownChannel, { pausedUntil }: ChannelStateView): Html {
  if (!enabled) return html`off`;
  if (pausedUntil === null) return html`on`;
  return html`<span class="bad">left alone</span><br /><span class="dim"
      >until ${pausedUntil}</span
    >`;
}

/** The message says what to change, too. Of one that has been mended since, only the time is left. */
function failureOf({ failedAt, lastProblem }: ChannelStateView): Html {
  if (failedAt === null) return html`none yet`;
  if (lastProblem === null) return html`${failedAt}`;
  const { code, message } = lastProblem;
  return html`${failedAt}<br /><span class="bad">${code}</span><br /><span class="dim"
      >${message}</span
    >`;
}
