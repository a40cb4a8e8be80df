import {
  Channel,
  ChannelInput,
  CHANNELS_MAX,
  Failure,
  failureKinds,
  type Notification,
} from '@logferry/core';
import {
  hookAddressProblem,
  newSigningSecret,
  type HookRules,
  type SendOutcome,
} from '@logferry/notifications';
import { RequestProblem, type BrokerDesk } from '@logferry/runtime';
import {
  channelPlace,
  tenantPlace,
  type ChannelStates,
  type ConfigStore,
  type StoredText,
} from '@logferry/store';
import { randomUUID } from 'node:crypto';
import type { ChannelStateView, ChannelTestView } from './channel-state-view';
import { channelView, jsonOf, type ChannelView } from './config-views';
import { stored, unknownTenant, type Put } from './config-outcome';
import { invalid } from './config-problem';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { refuseCredentials } from './destination-desk';
import type { MessageSender } from './message-sender';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf, expectedOfRead, mayReadAgain } from './precondition';

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;
/** Of address and signing secret together, as the broker takes them. */
const SECRETS_CHARS_MAX = 1_024;

export interface ChannelPage {
  channels: ChannelView[];
  cursor: string | null;
}

interface ChannelDeskParts {
  store: ConfigStore;
  broker: Pick<BrokerDesk, 'seal'>;
  states: ChannelStates;
  sender: Pick<MessageSender, 'send'>;
  rules: HookRules;
  readOnly: boolean;
}

/** What is stored of what was entered, and what of it is told once. */
interface ToStore {
  channel: Channel;
  told: { signingSecret?: string };
}

/** What may be done with the channels by which a tenant is told of what happens. */
export class ChannelDesk {
  constructor(private readonly parts: ChannelDeskParts) {}

  /** @throws RequestProblem if there is no such tenant */
  async list(tenantId: string, page: PageRequest): Promise<ChannelPage> {
    const { store } = this.parts;
    const [tenant] = await store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const { ids, cursor } = pageOf(await store.channelIds(tenantId), page);
    const found = await store.find(ids.map((id) => channelPlace(tenantId, id)));
    const channels = ids.flatMap((id, i) => {
      const record = found[i];
      return record === undefined ? [] : [channelView(id, record)];
    });
    return { channels, cursor };
  }

  /** @throws RequestProblem if there is no such channel */
  async find(tenantId: string, channelId: string): Promise<ChannelView> {
    const [record] = await this.parts.store.find([channelPlace(tenantId, channelId)]);
    if (record === undefined) throw unknownChannel();
    return channelView(channelId, record);
  }

  /** @throws RequestProblem */
  async put(tenantId: string, channelId: string, request: WriteRequest): Promise<Put<object>> {
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    const { value: entered, expected } = readRecord(ChannelInput, channelId, request);
    const [tenant] = await store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const place = channelPlace(tenantId, channelId);
    for (let tries = 0; tries < TRIES; tries++) {
      const [before] = await store.find([place]);
      const { channel, told } = await this.toStore(tenantId, entered, before);
      const written = await store.write(byOf(request), [
        // What was entered goes on with a secret of before, which must not be written over a newer one.
        {
          place,
          to: { value: channel },
          expected: expectedOfRead(expected, before?.version),
          most: CHANNELS_MAX,
        },
        { place: tenantPlace(tenantId), expected: 'present' },
      ]);
      const isOvertaken = written.kind === 'conflict' && written.place.kind === 'channel';
      const isMissing = expected === 'present' && before === undefined;
      if (isOvertaken && mayReadAgain(expected) && !isMissing) continue;
      const { created, version } = stored(written, 'channel');
      const view = channelView(channelId, { text: JSON.stringify(channel), version });
      return { created, view: { ...view, ...told } };
    }
    throw new Error('a channel is changed by others again and again');
  }

  /** @throws RequestProblem if there is no such channel */
  async delete(tenantId: string, channelId: string, request: WriteRequest): Promise<void> {
    const { store, states, readOnly } = this.parts;
    mayWrite(readOnly);
    const place = channelPlace(tenantId, channelId);
    const expected = expectedOf(request.headers);
    const [record] = await store.find([place]);
    if (record === undefined && expected === undefined) throw unknownChannel();
    const written = await store.write(byOf(request), [
      { place, to: { value: undefined }, expected },
    ]);
    stored(written, 'channel');
    await states.delete({ tenantId, channelId });
  }

  /** What became of its messages. */
  async state(tenantId: string, channelId: string): Promise<ChannelStateView> {
    const { store, states } = this.parts;
    const [record] = await store.find([channelPlace(tenantId, channelId)]);
    if (record === undefined) throw unknownChannel();
    const { sent, failed, sentAtMs, failedAtMs, code, ...gone } = await states.get({
      tenantId,
      channelId,
    });
    const isOf = gone.gaveUpOn === channelIn(record)?.sealedSecret;
    const untilMs = isOf ? (gone.gaveUpUntilMs ?? 0) : 0;
    return {
      sent,
      failed,
      sentAt: timeOrNull(sentAtMs),
      failedAt: timeOrNull(failedAtMs),
      lastProblem: code === undefined ? null : { code, message: failureKinds[code].publicMessage },
      pausedUntil: timeOrNull(untilMs > Date.now() ? untilMs : undefined),
    };
  }

  /**
   * Sends a message at once, whatever it wants to be told of.
   *
   * @throws RequestProblem if there is no such channel
   */
  async test(tenantId: string, channelId: string): Promise<ChannelTestView> {
    const { states, sender, readOnly } = this.parts;
    mayWrite(readOnly);
    await this.find(tenantId, channelId);
    const atMs = Date.now();
    const notification: Notification = {
      id: `test:${randomUUID()}`,
      kind: 'channel.test',
      tenantId,
      atMs,
      about: { channelId },
      channelId,
    };
    const outcome = await sender.send({ notification, channelId }, { hasTurn: true });
    if (outcome.kind === 'unwanted') throw unknownChannel();
    const code = codeOf(outcome);
    if (code === undefined) {
      await states.sent({ tenantId, channelId }, atMs);
      return { outcome: 'sent' };
    }
    await states.failed({ tenantId, channelId }, { code, atMs, isLast: true });
    return { outcome: 'failed', code, message: failureKinds[code].publicMessage };
  }

  /** What is stored of what was entered, if nothing speaks against it. */
  private async toStore(
    tenantId: string,
    entered: ChannelInput,
    record: StoredText | undefined,
  ): Promise<ToStore> {
    const { url, signingSecret, ...fields } = entered;
    if (url === undefined) {
      const before = record === undefined ? undefined : channelIn(record);
      if (before === undefined || before.kind !== fields.kind)
        throw invalid([{ path: '$.url', message: 'is missing: none is stored' }]);
      if (signingSecret !== undefined)
        throw invalid([{ path: '$.url', message: 'is missing: both are entered together' }]);
      const { host, sealedSecret } = before;
      return { channel: Channel.parse({ ...fields, host, sealedSecret }), told: {} };
    }
    const problem = hookAddressProblem(fields.kind, url, this.parts.rules);
    if (problem !== undefined) throw invalid([{ path: '$.url', message: problem }]);
    if (fields.kind === 'slack' && signingSecret !== undefined)
      throw invalid([{ path: '$.signingSecret', message: 'is for webhooks only' }]);
    const minted =
      fields.kind === 'webhook' && signingSecret === undefined ? newSigningSecret() : undefined;
    const secrets = JSON.stringify({
      url: new URL(url).href,
      ...(fields.kind === 'webhook' ? { signingSecret: signingSecret ?? minted } : {}),
    });
    if (secrets.length > SECRETS_CHARS_MAX)
      throw invalid([{ path: '$.url', message: 'is too long' }]);
    const owner = { tenantId, channelId: fields.id };
    const sealedSecret = await this.parts.broker.seal(owner, secrets).catch(refuse);
    const channel = Channel.parse({ ...fields, host: new URL(url).host, sealedSecret });
    return { channel, told: minted === undefined ? {} : { signingSecret: minted } };
  }
}

function channelIn({ text }: StoredText): Channel | undefined {
  return Channel.safeParse(jsonOf(text)).data;
}

function codeOf(outcome: SendOutcome): Failure['code'] | undefined {
  return outcome.kind === 'again' || outcome.kind === 'failed' ? outcome.code : undefined;
}

/** @throws RequestProblem always */
function refuse(error: unknown): never {
  if (error instanceof Failure && error.code === 'credential.kind_unavailable')
    throw new RequestProblem(
      422,
      'config.refused',
      'this installation is not set up to seal secrets, and an address of a channel is one: ask the platform',
    );
  return refuseCredentials(error);
}

function timeOrNull(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}

function unknownChannel(): RequestProblem {
  return new RequestProblem(
    404,
    'config.unknown_channel',
    'there is no channel of this id, or no such tenant',
  );
}
