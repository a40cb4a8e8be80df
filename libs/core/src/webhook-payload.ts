import { failureKinds } from './failure';
import type { Notification } from './notification';
import { mailOf } from './notification-text';

/** What a webhook is sent: documented in docs/guides/notifications.md, and only ever added to. */
export function webhookPayload(notification: Notification): object {
  const { id, kind, tenantId, atMs, about, code, message, run, report, logEvents, sinceMs } =
    notification;
  return {
    type: kind,
    timestamp: isoTime(atMs),
    data: {
      id,
      tenant: tenantId,
      ...('sourceId' in about ? { source: about.sourceId } : {}),
      ...('destinationId' in about ? { destination: about.destinationId } : {}),
      ...('channelId' in about ? { channel: about.channelId } : {}),
      ...(code === undefined ? {} : { code, fault: failureKinds[code].fault }),
      ...(message === undefined ? {} : { message }),
      ...(run === undefined ? {} : { run }),
      ...(report === undefined ? {} : { report }),
      ...(logEvents === undefined ? {} : { logEvents }),
      ...(sinceMs === undefined ? {} : { since: isoTime(sinceMs) }),
      mail: mailOf(notification),
    },
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
