// A notification as Slack shows it. Of a source it has the shape of Auth0's extension to the letter, so that whoever reads or parses
// those messages today may go on.
import type { Notification } from './notification';
import { detailsOf, headlineOf } from './notification-text';

const COLOURS = { bad: '#d13f42', good: '#7cd197' } as const;
const AUTH0_TITLE = 'Logs Export';
/** What the original knew. */
const AUTH0_KINDS: readonly string[] = ['run.failed', 'run.succeeded', 'report.daily'];

export interface SlackField {
  title: string;
  value: string | number;
  short: boolean;
}

export interface SlackMessage {
  username: string;
  icon_emoji: string;
  attachments: [{ color: string; fallback: string; text: string; fields: SlackField[] }];
}

export function slackMessage(notification: Notification): SlackMessage {
  const isAuth0 = AUTH0_KINDS.includes(notification.kind);
  const text = escaped(isAuth0 ? auth0Text(notification) : headlineOf(notification));
  const fields = isAuth0 ? auth0Fields(notification) : plainFields(notification);
  return {
    username: 'sourceId' in notification.about ? 'auth0-logs-to-cloudwatch' : 'logferry',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: isGood(notification) ? COLOURS.good : COLOURS.bad,
        fallback: text,
        text,
        fields: fields.map((field) =>
          typeof field.value === 'string' ? { ...field, value: escaped(field.value) } : field,
        ),
      },
    ],
  };
}

function isGood({ kind }: Notification): boolean {
  return ['run.succeeded', 'report.daily', 'destination.resumed', 'channel.test'].includes(kind);
}

function auth0Text({ kind }: Notification): string {
  if (kind === 'report.daily') return `${AUTH0_TITLE} Daily Report`;
  return `${AUTH0_TITLE} ${kind === 'run.succeeded' ? 'Success' : 'Error'}`;
}

function auth0Fields(notification: Notification): SlackField[] {
  const { run, report, kind } = notification;
  if (kind === 'report.daily' && report !== undefined)
    return [
      short('Logs processed', report.processed),
      short('Warnings', report.warnings),
      short('Errors', report.errors),
      short('Next checkpoint', report.checkpoint ?? 'none'),
    ];
  const fields =
    run === undefined
      ? []
      : [
          short('Start time', isoTime(run.startedAtMs)),
          short('End time', isoTime(run.endedAtMs ?? notification.atMs)),
          short('Logs processed', run.accepted),
          // Where the next run begins: nothing behind it was handed over, and nothing before it was left out.
          short('Next checkpoint', run.checkpoint ?? 'none'),
        ];
  const error = errorText(notification);
  if (error !== undefined) fields.push({ title: 'Error', value: error, short: false });
  return fields;
}

/** In words: the original wrote `{}` for most errors. */
function errorText({ kind, run, code, message }: Notification): string | undefined {
  if (run?.error !== undefined) return `${run.error.message} (${run.error.code})`;
  if (kind === 'run.succeeded') return undefined;
  const said = [message, code === undefined ? undefined : `(${code})`].filter(Boolean).join(' ');
  return said === '' ? undefined : said;
}

function plainFields(notification: Notification): SlackField[] {
  return detailsOf(notification).map(([title, value]) => ({
    title,
    value,
    short: title !== 'What to do',
  }));
}

function short(title: string, value: string | number): SlackField {
  return { title, value, short: true };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** https://docs.slack.dev/messaging/formatting-message-text/#escaping: these three, and no others. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
