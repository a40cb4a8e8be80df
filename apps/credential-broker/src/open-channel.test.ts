import { Channel } from '@logferry/core';
import { OpenChannel } from './open-channel';
import { Sealing } from './sealing';

const sealing = new Sealing([{ id: '1', bytes: Buffer.alloc(32, 1) }]);
const owner = { tenantId: 'acme', channelId: 'ops' };
const secrets = { url: 'https://hooks.slack.com/services/T/B/x' };

const opening = (sealedSecret: string): OpenChannel => {
  const host = 'hooks.slack.com';
  const channel = Channel.parse({ id: 'ops', kind: 'slack', host, sealedSecret });
  const channels = (tenantId: string) => Promise.resolve(tenantId === 'acme' ? [channel] : []);
  return new OpenChannel({ channels }, sealing);
};

test('what was sealed for a channel is opened for it', async () => {
  const sealed = sealing.seal(owner, JSON.stringify(secrets));
  expect(await opening(sealed).run(owner)).toEqual(secrets);
});

test.each([
  ['another tenant', { tenantId: 'globex', channelId: 'ops' }],
  ['another channel', { tenantId: 'acme', channelId: 'other' }],
])('what was sealed for %s, and copied, is not', async (_, of) => {
  const sealed = sealing.seal(of, JSON.stringify(secrets));
  await expect(opening(sealed).run(owner)).rejects.toMatchObject({
    code: 'credential.secret_unreadable',
  });
});

test('a destination’s secret of the same id is not opened as one of a channel', async () => {
  const sealed = sealing.seal({ tenantId: 'acme', destinationId: 'ops' }, JSON.stringify(secrets));
  await expect(opening(sealed).run(owner)).rejects.toMatchObject({
    code: 'credential.secret_unreadable',
  });
});

test('there is no channel of another tenant', async () => {
  const sealed = sealing.seal(owner, JSON.stringify(secrets));
  const foreign = { tenantId: 'globex', channelId: 'ops' };
  await expect(opening(sealed).run(foreign)).rejects.toMatchObject({ code: 'channel.missing' });
});

test.each(['no JSON', '{}', '{"url":"https://x.dev","more":1}'])(
  'what is sealed and not what it should be is not handed out: %s',
  async (text) => {
    await expect(opening(sealing.seal(owner, text)).run(owner)).rejects.toMatchObject({
      code: 'credential.secret_unreadable',
    });
  },
);
