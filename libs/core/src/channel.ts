import { z } from 'zod';
import { SealedSecret } from './destination-credentials';
import { notificationKinds, NotificationKind, type Notification } from './notification';
import { TenantId } from './tenant';

export const CHANNELS_MAX = 20;

/** The original's: four o'clock in the afternoon. */
export const DAILY_REPORT_HOUR_STANDARD = 16;

/** What most want to be told of: everything but that all is well. */
export const eventsStandard = notificationKinds.filter((kind) => kind !== 'run.succeeded');

const names = z.array(TenantId).max(100);

const base = {
  id: TenantId.describe(
    'unique within its tenant: 1 to 64 letters, digits, dots, dashes, underscores',
  ),
  kind: z
    .enum(['slack', 'webhook'])
    .describe('`slack`: an incoming webhook of Slack; `webhook`: an address of your own'),
  enabled: z.boolean().default(true).describe('while it is off, nothing is told, not even later'),
  events: z
    .array(NotificationKind)
    .min(1)
    .max(notificationKinds.length)
    .default(eventsStandard)
    .describe(
      'what is told; without it everything but `run.succeeded`, which is the `SLACK_SEND_SUCCESS` of Auth0’s extension',
    ),
  sources: names
    .optional()
    .describe('of these sources only; without it, of all, and of none if it is empty'),
  destinations: names
    .optional()
    .describe('of these destinations only; without it, of all, and of none if it is empty'),
  dailyReportHour: z
    .int()
    .min(0)
    .max(23)
    .default(DAILY_REPORT_HOUR_STANDARD)
    .describe('`DAILY_REPORT_TIME`: the hour of the day from which the daily report is sent'),
  timeZone: z
    .string()
    .max(64)
    .regex(/^[\w+-]+(\/[\w+-]+){0,2}$/, 'must be a time zone, such as Europe/Berlin')
    .refine(isTimeZone, 'must be a time zone, such as Europe/Berlin')
    .default('UTC')
    .describe('the time zone of that hour'),
};

/** What is secret of a channel; sealed together. */
export const ChannelSecrets = z.strictObject({
  url: z.string().max(1_024),
  signingSecret: z.string().max(128).optional(),
});
export type ChannelSecrets = z.infer<typeof ChannelSecrets>;

/** Where a tenant is told of what happens, as it is stored: its address and signing secret as the broker has sealed them. */
export const Channel = z.strictObject({
  ...base,
  host: z.string().max(253).describe('the host of its address, which is all that is shown of it'),
  sealedSecret: SealedSecret,
});
export type Channel = z.infer<typeof Channel>;

/** What a signing secret is, as Standard Webhooks writes it: 24 to 64 bytes in base64. */
export const SigningSecret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in base64');

/** The same as somebody enters it. */
export const ChannelInput = z.strictObject({
  ...base,
  host: z
    .string()
    .max(253)
    .optional()
    .describe('that of the address; may be sent back as it was read'),
  url: z
    .string()
    .max(800)
    .optional()
    .describe(
      '`SLACK_INCOMING_WEBHOOK_URL`: the address, with https. Sealed before it is stored, and never shown again. It may be left out when another field is changed',
    ),
  signingSecret: SigningSecret.optional().describe(
    'of a webhook: with what its messages are signed; entered together with the address. Without it, one is made, and shown that once',
  ),
});
export type ChannelInput = z.infer<typeof ChannelInput>;

/** What may be shown of it. */
export type ShownChannel = Omit<Channel, 'sealedSecret'>;

export function shownChannel({ sealedSecret: _sealed, ...shown }: Channel): ShownChannel {
  return shown;
}

/** Whether a channel is to be told of something. */
export function wants(channel: Channel, { kind, about, channelId }: Notification): boolean {
  if (channelId !== undefined && channelId !== channel.id) return false;
  if (kind === 'channel.test') return true;
  if (!channel.enabled || !channel.events.includes(kind)) return false;
  if ('sourceId' in about) return channel.sources?.includes(about.sourceId) ?? true;
  if ('destinationId' in about) return channel.destinations?.includes(about.destinationId) ?? true;
  return true;
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}
