import {
  Failure,
  isCredentialFailure,
  slackMessage,
  wants,
  webhookPayload,
  type Channel,
  type FailureCode,
  type Notification,
} from '@logferry/core';
import {
  hookAddressProblem,
  signatureHeaders,
  type HookAnswer,
  type HookCall,
  type HookClient,
  type HookRules,
  type HookTurns,
  type Message,
  type SendOutcome,
} from '@logferry/notifications';
import type { BrokerDesk } from '@logferry/runtime';
import type { ChannelPlace, ChannelStates, ConfigStore } from '@logferry/store';

/** A turn that is so near is not worth another job. */
const TURN_MS = 20;
/** What does not exist is tried again after a day, if there is something to tell: an archived channel of Slack may come back. */
const GIVE_UP_MS = 24 * 3_600_000;
/** Slack says for good that a hook is gone; a server of a customer's may be in the middle of something. */
const GONE_MS = { slack: 0, webhook: 3_600_000 } as const;
const THROTTLED_MS = 30_000;
/** What did not answer in time is not asked by the next message at once: each takes the whole time again. */
const SILENT_MS = 30_000;

interface MessageSenderParts {
  store: Pick<ConfigStore, 'channels'>;
  broker: Pick<BrokerDesk, 'channelSecrets'>;
  client: Pick<HookClient, 'post'>;
  turns: Pick<HookTurns, 'take' | 'keep' | 'pause'>;
  states: Pick<ChannelStates, 'get' | 'gone' | 'giveUp'>;
  rules: HookRules;
}

/** Sends a message to a channel, and remembers what became of it. */
export class MessageSender {
  constructor(private readonly parts: MessageSenderParts) {}

  async channelsFor(notification: Notification): Promise<string[]> {
    const channels = await this.parts.store.channels(notification.tenantId);
    return channels.filter((channel) => wants(channel, notification)).map(({ id }) => id);
  }

  async send(message: Message, { hasTurn }: { hasTurn: boolean }): Promise<SendOutcome> {
    const { notification, channelId } = message;
    const { tenantId } = notification;
    const channels = await this.parts.store.channels(tenantId);
    const channel = channels.find(({ id }) => id === channelId);
    if (channel === undefined || !wants(channel, notification)) return { kind: 'unwanted' };
    const place = { tenantId, channelId };
    const state = await this.parts.states.get(place);
    const gaveUp =
      state.gaveUpOn === channel.sealedSecret && (state.gaveUpUntilMs ?? 0) > Date.now();
    if (gaveUp && notification.kind !== 'channel.test')
      return { kind: 'failed', code: state.code ?? 'channel.gone' };
    return this.sendTo(channel, { notification, place, hasTurn });
  }

  private async sendTo(
    channel: Channel,
    { notification, place, hasTurn }: Sending,
  ): Promise<SendOutcome> {
    const { broker, client, turns, rules } = this.parts;
    const secrets = await broker.channelSecrets(place).catch(unopened);
    if ('kind' in secrets) return secrets;
    const { url, signingSecret } = secrets;
    if (hookAddressProblem(channel.kind, url, rules) !== undefined)
      return this.fail(channel, place, 'channel.address_refused');
    if (notification.kind !== 'channel.test') {
      const waitMs = await (hasTurn ? turns.keep(url) : turns.take(url));
      if (waitMs > TURN_MS) return { kind: 'turn', waitMs };
    }
    const answer = await client.post(callOf(channel, notification, { url, signingSecret }));
    if (answer.kind === 'silent') await turns.pause(url, SILENT_MS);
    const outcome = outcomeOf(answer);
    if (outcome === 'gone') return this.fail(channel, place, 'channel.gone');
    if (outcome === 'forbidden') return this.fail(channel, place, 'channel.address_refused');
    if (outcome.kind === 'again' && outcome.code === 'channel.throttled')
      await turns.pause(url, outcome.waitMs ?? 0);
    return outcome;
  }

  /** Where a channel leads nowhere, it is left alone; at once, or when that has been so for a while. */
  private async fail(
    channel: Channel,
    place: ChannelPlace,
    code: FailureCode,
  ): Promise<SendOutcome> {
    const { states } = this.parts;
    const nowMs = Date.now();
    const sinceMs = await states.gone(place, nowMs);
    const patienceMs = code === 'channel.gone' ? GONE_MS[channel.kind] : 0;
    if (nowMs - sinceMs < patienceMs) return { kind: 'again', code };
    await states.giveUp(place, channel.sealedSecret, nowMs + GIVE_UP_MS);
    return { kind: 'failed', code };
  }
}

interface Sending {
  notification: Notification;
  place: ChannelPlace;
  hasTurn: boolean;
}

function unopened(error: unknown): SendOutcome {
  if (!(error instanceof Failure) || !isCredentialFailure(error.code)) throw error;
  const { code, disposition } = error;
  if (code === 'channel.missing') return { kind: 'unwanted' };
  return disposition === 'suspend' ? { kind: 'failed', code } : { kind: 'again', code };
}

function callOf(
  channel: Channel,
  notification: Notification,
  { url, signingSecret }: { url: string; signingSecret?: string | undefined },
): HookCall {
  if (channel.kind === 'slack')
    return { url, headers: {}, body: JSON.stringify(slackMessage(notification)) };
  const body = JSON.stringify(webhookPayload(notification));
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  const signed = { id: `${notification.tenantId}/${notification.id}`, timestampSeconds, body };
  const headers = signingSecret === undefined ? {} : signatureHeaders(signingSecret, signed);
  return { url, headers, body };
}

function outcomeOf(answer: HookAnswer): SendOutcome | 'gone' | 'forbidden' {
  if (answer.kind === 'forbidden') return 'forbidden';
  if (answer.kind !== 'answered') return { kind: 'again', code: 'channel.unavailable' };
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return { kind: 'sent' };
  if (status === 429)
    return { kind: 'again', code: 'channel.throttled', waitMs: retryAfterMs ?? THROTTLED_MS };
  if (status >= 500 || status === 408 || status === 425)
    return {
      kind: 'again',
      code: 'channel.unavailable',
      ...(retryAfterMs === undefined ? {} : { waitMs: Math.max(retryAfterMs, 1_000) }),
    };
  const isGone = status < 400 || [401, 403, 404, 405, 407, 410].includes(status);
  return isGone ? 'gone' : { kind: 'failed', code: 'channel.refused' };
}
