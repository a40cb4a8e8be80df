import { Channel, type Notification } from '@logferry/core';
import type { HookAnswer } from '@logferry/notifications';
import { MessageSender } from './message-sender';

const channel = Channel.parse({
  id: 'hook',
  kind: 'webhook',
  host: 'ops.acme.com',
  sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`,
});
const url = 'https://ops.acme.com/hooks/1';
const notification: Notification = {
  id: 'run:1',
  kind: 'run.failed',
  tenantId: 'acme',
  atMs: 0,
  about: { sourceId: 'auth0' },
};
const aTest: Notification = { ...notification, kind: 'channel.test', about: { channelId: 'hook' } };

let asked: string[];
let answers: HookAnswer[];
let waitMs: number;
beforeEach(() => {
  asked = [];
  answers = [];
  waitMs = 0;
});

const ask = <T>(what: string, answer: T): Promise<T> => {
  asked.push(what);
  return Promise.resolve(answer);
};
const sender = new MessageSender({
  store: { channels: () => Promise.resolve([channel]) },
  broker: { channelSecrets: () => Promise.resolve({ url, signingSecret: 'whsec_AAAA' }) },
  client: {
    post: () => ask('post', answers.shift() ?? { kind: 'answered', status: 200, retryAfterMs: 0 }),
  },
  turns: {
    take: () => ask('take', waitMs),
    keep: () => ask('keep', waitMs),
    pause: (_url, forMs) => ask(`pause ${forMs}`, undefined),
  },
  states: {
    get: () => Promise.resolve({ sent: 0, failed: 0 }),
    gone: (_place, atMs) => Promise.resolve(atMs),
    giveUp: () => Promise.resolve(),
  },
  rules: { slackHosts: [], webhookHosts: [] },
});
const send = (of: Notification, hasTurn: boolean) =>
  sender.send({ notification: of, channelId: 'hook' }, { hasTurn });

test('a message is sent when its turn has come, and has another one if nobody has a turn then', async () => {
  waitMs = 500;
  expect(await send(notification, false)).toEqual({ kind: 'turn', waitMs });
  expect(await send(notification, true)).toEqual({ kind: 'turn', waitMs });
  waitMs = 0;
  expect(await send(notification, true)).toEqual({ kind: 'sent' });
  expect(asked).toEqual(['take', 'keep', 'keep', 'post']);
});

test('a test waits for no turn', async () => {
  waitMs = 500;
  expect(await send(aTest, true)).toEqual({ kind: 'sent' });
  expect(asked).toEqual(['post']);
});

test('a hook that does not answer in time is left alone for a while, by all of its messages', async () => {
  answers = [{ kind: 'silent' }, { kind: 'unreachable', why: 'ECONNREFUSED' }];
  const again = { kind: 'again', code: 'channel.unavailable' };
  expect(await send(notification, false)).toEqual(again);
  expect(await send(notification, false)).toEqual(again);
  expect(asked).toEqual(['take', 'post', 'pause 30000', 'take', 'post']);
});
