// A notification in words, for whoever reads it in a mail or in Slack.
import { failureKinds } from './failure';
import type { Notification } from './notification';

const SUBJECTS: Record<Notification['kind'], (whom: string) => string> = {
  'run.failed': (whom) => `The last run of ${whom} failed`,
  'run.succeeded': (whom) => `A run of ${whom} succeeded`,
  'report.daily': (whom) => `Daily report of ${whom}`,
  'source.stopped': (whom) => `${whom} does not run any more`,
  'source.silent': (whom) => `Nothing comes from ${whom}, although there is something`,
  'source.late': (whom) => `What comes from ${whom} is more than seven days old`,
  'source.gap': (whom) => `Log events of ${whom} were deleted before they could be read`,
  'source.rejected': (whom) => `Some of what comes from ${whom} is refused`,
  'source.unwanted': (whom) => `No destination wants some of what comes from ${whom}`,
  'destination.failed': (whom) => `Deliveries to ${whom} fail`,
  'destination.suspended': (whom) => `Nothing is delivered to ${whom}: you have to act`,
  'destination.resumed': (whom) => `Log events are delivered to ${whom} again`,
  'destination.late': (whom) => `Log events for ${whom} are late`,
  'destination.dead_lettered': (whom) => `Log events for ${whom} could not be delivered`,
  'channel.test': (whom) => `${whom} works: this is a test`,
};

/** One line without a line break, as the subject of a mail must be. */
export function headlineOf({ kind, about }: Notification): string {
  const subject = SUBJECTS[kind](nameOf(about));
  return subject.charAt(0).toUpperCase() + subject.slice(1);
}

/** Pairs of a title and what there is to say. */
export function detailsOf(notification: Notification): [title: string, value: string][] {
  const { tenantId, atMs, code, message, run, report, logEvents, sinceMs } = notification;
  const details: [string, string | number | undefined][] = [
    ['Customer', tenantId],
    ['Time', isoTime(atMs)],
    ['Since', sinceMs === undefined ? undefined : isoTime(sinceMs)],
    ['Log events', logEvents],
    ['Run', run === undefined ? undefined : `${run.id}, from ${isoTime(run.startedAtMs)}`],
    ['Logs processed', run?.accepted ?? report?.processed],
    ['Warnings', report?.warnings],
    ['Errors', report?.errors],
    ['Next checkpoint', run === undefined && report === undefined ? undefined : checkpoint()],
    ['Reason', run?.error?.code ?? code],
    ['What to do', run?.error?.message ?? message ?? remedyOf(code)],
  ];
  return details.flatMap(([title, value]) =>
    value === undefined ? [] : [[title, String(value)] as [string, string]],
  );

  function checkpoint(): string {
    return run?.checkpoint ?? report?.checkpoint ?? 'none';
  }
}

/** A notification as a mail: whoever receives it has nothing to put together. */
export function mailOf(notification: Notification): {
  subject: string;
  text: string;
  html: string;
} {
  const subject = headlineOf(notification);
  const details = detailsOf(notification);
  const rows = details.map(
    ([title, value]) =>
      `<tr><th align="left">${escapeHtml(title)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return {
    subject,
    text: [`${subject}.`, '', ...details.map(([title, value]) => `${title}: ${value}`), ''].join(
      '\n',
    ),
    html: `<p>${escapeHtml(subject)}.</p><table>${rows.join('')}</table>`,
  };
}

function remedyOf(code: Notification['code']): string | undefined {
  return code === undefined ? undefined : failureKinds[code].publicMessage;
}

function nameOf(about: Notification['about']): string {
  if ('sourceId' in about) return `the source ${about.sourceId}`;
  if ('destinationId' in about) return `the destination ${about.destinationId}`;
  return `the channel ${about.channelId}`;
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
