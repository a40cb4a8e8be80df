// The shape of Auth0's extension, to the letter: whoever reads its messages with a program goes on reading them.
import type { Notification } from './notification';
import { slackMessage } from './slack-message';
import type { SourceRun } from './source-run';

const run: SourceRun = {
  id: 'r1',
  tenantId: 'acme',
  sourceId: 'auth0',
  kind: 'schedule',
  state: 'failed',
  startedAtMs: Date.UTC(2026, 10, 21, 10, 0),
  endedAtMs: Date.UTC(2026, 10, 21, 10, 1),
  read: 250,
  accepted: 200,
  unwanted: 0,
  filtered: 50,
  rejected: 0,
  repeated: 0,
  rejections: [],
  unknownTypes: {},
  firstCheckpoint: 'id-0',
  checkpoint: 'id-250',
  apiCalls: 3,
  waitedMs: { api: 0, ingest: 0 },
  warnings: [],
};
const aNotification = (over: Partial<Notification>): Notification => ({
  id: 'run:r1',
  kind: 'run.succeeded',
  tenantId: 'acme',
  atMs: Date.UTC(2026, 10, 21, 10, 1),
  about: { sourceId: 'auth0' },
  ...over,
});
const runFields = [
  { title: 'Start time', value: '2026-11-21T10:00:00.000Z', short: true },
  { title: 'End time', value: '2026-11-21T10:01:00.000Z', short: true },
  { title: 'Logs processed', value: 200, short: true },
  { title: 'Next checkpoint', value: 'id-250', short: true },
];

test('a run that succeeded', () => {
  expect(slackMessage(aNotification({ run: { ...run, state: 'succeeded' } }))).toEqual({
    username: 'auth0-logs-to-cloudwatch',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: '#7cd197',
        fallback: 'Logs Export Success',
        text: 'Logs Export Success',
        fields: runFields,
      },
    ],
  });
});

test('a run that failed says in words why, where the original said {}, and where the next one begins', () => {
  const error = { code: 'network.unreachable', message: 'Auth0 did not answer.' } as const;
  expect(slackMessage(aNotification({ kind: 'run.failed', run: { ...run, error } }))).toEqual({
    username: 'auth0-logs-to-cloudwatch',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: '#d13f42',
        fallback: 'Logs Export Error',
        text: 'Logs Export Error',
        fields: [
          ...runFields,
          { title: 'Error', value: 'Auth0 did not answer. (network.unreachable)', short: false },
        ],
      },
    ],
  });
});

test('a daily report', () => {
  const report = { processed: 12_000, warnings: 2, errors: 1, checkpoint: 'id-250' };
  expect(slackMessage(aNotification({ kind: 'report.daily', report }))).toEqual({
    username: 'auth0-logs-to-cloudwatch',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: '#7cd197',
        fallback: 'Logs Export Daily Report',
        text: 'Logs Export Daily Report',
        fields: [
          { title: 'Logs processed', value: 12_000, short: true },
          { title: 'Warnings', value: 2, short: true },
          { title: 'Errors', value: 1, short: true },
          { title: 'Next checkpoint', value: 'id-250', short: true },
        ],
      },
    ],
  });
});

test('of a destination it says what to do, in the colour of what it is', () => {
  const message = slackMessage(
    aNotification({
      kind: 'destination.suspended',
      about: { destinationId: 'logs' },
      code: 's3.bucket_missing',
      logEvents: 17,
    }),
  );
  expect(message.username).toBe('logferry');
  const [{ color, text, fields }] = message.attachments;
  expect(color).toBe('#d13f42');
  expect(text).toContain('the destination logs');
  expect(fields).toContainEqual({ title: 'Reason', value: 's3.bucket_missing', short: true });
  expect(fields.find(({ title }) => title === 'What to do')?.value).toContain('Create it');
  const again = slackMessage(
    aNotification({ kind: 'destination.resumed', about: { destinationId: 'logs' } }),
  );
  expect(again.attachments[0].color).toBe('#7cd197');
});

test('what Slack would take for a link or a mention is shown as it is', () => {
  const error = { code: 'internal.fault', message: '<!channel> & <https://x>' } as const;
  const { fields } = slackMessage(aNotification({ kind: 'run.failed', run: { ...run, error } }))
    .attachments[0];
  expect(fields.at(-1)?.value).toBe('&lt;!channel&gt; &amp; &lt;https://x&gt; (internal.fault)');
});
