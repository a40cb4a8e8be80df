import type { Channel } from '@logferry/core';
import { isIP } from 'node:net';

/** What a platform says of where channels may lead. */
export interface HookRules {
  slackHosts: readonly string[];
  /** Hosts, or with a dot in front all below one; without any, every public one. */
  webhookHosts: readonly string[];
}

const URL_CHARS_MAX = 800;
/** What does not end in a name of the public Internet. */
const INTERNAL =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|test|invalid|example|onion|arpa)$/;

/** What is wrong with the address of a channel, as far as can be told by looking at it; where it leads is seen when it is called. */
export function hookAddressProblem(
  kind: Channel['kind'],
  address: string,
  { slackHosts, webhookHosts }: HookRules,
): string | undefined {
  const url = URL.parse(address);
  if (url === null || address.length > URL_CHARS_MAX) return 'must be an address with https';
  if (url.protocol !== 'https:') return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must have no user and no password';
  if (url.hash !== '') return 'must have no fragment';
  const host = url.hostname;
  if (kind === 'slack') {
    if (!slackHosts.includes(host) || url.port !== '')
      return `must be an incoming webhook of Slack, at ${slackHosts.join(' or ')}`;
    return url.pathname.length > 1 ? undefined : 'must be the whole address of an incoming webhook';
  }
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return 'must have a name, and not an IP address';
  if (!host.includes('.') || INTERNAL.test(host.replace(/\.$/, '')))
    return 'must be the name of a host on the public Internet';
  if (webhookHosts.length > 0 && !webhookHosts.some((allowed) => isUnder(host, allowed)))
    return 'must be one of the hosts that the platform allows';
  return undefined;
}

function isUnder(host: string, allowed: string): boolean {
  return allowed.startsWith('.') ? host.endsWith(allowed) : host === allowed;
}
