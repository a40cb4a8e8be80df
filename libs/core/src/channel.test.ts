import { Channel, ChannelInput, eventsStandard, shownChannel, wants } from './channel';
import { notificationKinds, type Notification } from './notification';
import { webhookPayload } from './webhook-payload';

const sealed = `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`;
const aChannel = (over: object = {}): Channel =>
  Channel.parse({
    id: 'ops',
    kind: 'slack',
    host: 'hooks.slack.com',
    sealedSecret: sealed,
    ...over,
  });
const aNotification = (over: Partial<Notification> = {}): Notification => ({
  id: 'x',
  kind: 'destination.late',
  tenantId: 'acme',
  atMs: 0,
  about: { destinationId: 'logs' },
  ...over,
});

test('without a choice everything is told but that all is well', () => {
  const told = notificationKinds.filter((kind) => wants(aChannel(), aNotification({ kind })));
  expect(told).toEqual(eventsStandard);
  expect(notificationKinds.filter((kind) => !told.includes(kind))).toEqual(['run.succeeded']);
});

test.each([
  ['another kind', { events: ['run.failed'] }],
  ['another destination', { destinations: ['other'] }],
  ['no destination', { destinations: [] }],
  ['nothing, since it is off', { enabled: false }],
])('a channel for %s is not told', (_, over) => {
  expect(wants(aChannel(over), aNotification())).toBe(false);
  expect(wants(aChannel({ ...over, enabled: true }), aNotification({ kind: 'channel.test' }))).toBe(
    true,
  );
});

test('what is for one channel is told to no other', () => {
  expect(wants(aChannel(), aNotification({ channelId: 'ops' }))).toBe(true);
  expect(wants(aChannel(), aNotification({ channelId: 'other' }))).toBe(false);
});

test('of a channel nothing sealed is shown, and nothing sealed is taken', () => {
  expect(JSON.stringify(shownChannel(aChannel()))).not.toContain(sealed);
  const entered = { id: 'ops', kind: 'slack', sealedSecret: sealed };
  expect(ChannelInput.safeParse(entered).success).toBe(false);
});

test.each(['whsec_short', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `whsec_${'a'.repeat(88)}`])(
  '%s is no signing secret',
  (signingSecret) => {
    const entered = { id: 'ops', kind: 'webhook', signingSecret };
    expect(ChannelInput.safeParse(entered).success).toBe(false);
  },
);

test('an unknown time zone is refused', () => {
  expect(
    ChannelInput.safeParse({ id: 'a', kind: 'slack', timeZone: 'Europe/Atlantis' }).success,
  ).toBe(false);
});

test('a webhook gets a mail that is ready, with nothing in it that HTML would take for its own', () => {
  const payload = webhookPayload(
    aNotification({ code: 's3.bucket_missing', message: '<script>alert("x")</script>' }),
  ) as { data: { mail: { subject: string; text: string; html: string }; code: string } };
  const { subject, text, html } = payload.data.mail;
  expect(payload.data.code).toBe('s3.bucket_missing');
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text).toContain('What to do: <script>alert("x")</script>');
  expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  expect(html).not.toContain('<script>');
});
