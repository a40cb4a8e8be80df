// The page's front: what has arrived lately, where it lies, what is broken on purpose, and who exists.
import { markup } from './markup';
import type { Markup } from './markup';
import {
  figures,
  link,
  section,
  writeBytes,
  writeClock,
  writeCount,
  writeMessage,
  writeTime,
} from './page-parts';
import type { LogStreamReading, LogStreamRef, SandboxControl } from './sandbox-control';

const ROWS_MAX = 100;
const EVENTS_MAX = 30;

export function viewOverview(control: SandboxControl): Markup {
  const streams = control
    .logGroups()
    .flatMap((group) => group.streams)
    .sort((a, b) => (b.lastIngestedAtMs ?? 0) - (a.lastIngestedAtMs ?? 0));
  return markup`${overviewFigures(control)}${latestEvents(control, streams)}${streamTable(streams)}
${bucketTable(control)}${latestObjects(control)}${faultTable(control)}${accountTable(control)}`;
}

function overviewFigures(control: SandboxControl): Markup {
  const { logEvents, objects } = control.counters();
  const { droppedEvents, keptBytes } = control.memory();
  const refused = logEvents.rejectedTooOld + logEvents.rejectedTooNew + logEvents.rejectedExpired;
  return figures([
    { label: 'log events stored', value: writeCount(logEvents.accepted) },
    { label: 'in batches', value: writeCount(logEvents.batches) },
    { label: 'log events refused', value: writeCount(refused), isWarning: refused > 0 },
    { label: 'objects written', value: writeCount(objects.put) },
    { label: 'kept in memory', value: writeBytes(keptBytes) },
    {
      label: 'log events dropped',
      value: writeCount(droppedEvents),
      isWarning: droppedEvents > 0,
    },
  ]);
}

function latestEvents(control: SandboxControl, streams: readonly LogStreamReading[]): Markup {
  const latest = streams
    .slice(0, EVENTS_MAX)
    .flatMap((stream) =>
      control.latestLogEvents(stream, EVENTS_MAX).map((event) => ({ stream, event })),
    )
    .sort(
      (a, b) =>
        b.event.ingestedAtMs - a.event.ingestedAtMs || b.event.timestamp - a.event.timestamp,
    );
  return section(
    'Latest log events',
    [
      { title: 'time (UTC)', kind: 'time' },
      { title: 'group / stream', kind: 'place' },
      { title: 'message', kind: 'message' },
    ],
    latest
      .slice(0, EVENTS_MAX)
      .map(({ stream, event }) => [
        writeClock(event.timestamp),
        streamLink(stream),
        writeMessage(event.message),
      ]),
    'Nothing has arrived yet. This page looks again every two seconds.',
  );
}

function streamTable(streams: readonly LogStreamReading[]): Markup {
  return section(
    `Log streams (${writeCount(streams.length)})`,
    [
      { title: 'account' },
      { title: 'Region' },
      { title: 'group / stream', kind: 'place' },
      { title: 'log events', kind: 'number' },
      { title: 'size', kind: 'number' },
      { title: 'dropped', kind: 'number' },
      { title: 'last written (UTC)', kind: 'time' },
    ],
    streams
      .slice(0, ROWS_MAX)
      .map((stream) => [
        stream.account,
        stream.region,
        streamLink(stream),
        writeCount(stream.acceptedEvents),
        writeBytes(stream.acceptedMessageBytes),
        writeCount(stream.droppedEvents),
        writeTime(stream.lastIngestedAtMs),
      ]),
  );
}

function bucketTable(control: SandboxControl): Markup {
  const buckets = control.buckets();
  return section(
    `Buckets (${writeCount(buckets.length)})`,
    [
      { title: 'account' },
      { title: 'Region' },
      { title: 'bucket' },
      { title: 'objects', kind: 'number' },
      { title: 'size', kind: 'number' },
      { title: 'contents dropped', kind: 'number' },
    ],
    buckets
      .slice(0, ROWS_MAX)
      .map((bucket) => [
        bucket.account,
        bucket.region,
        markup`<code>${bucket.name}</code>`,
        writeCount(bucket.objects),
        writeBytes(bucket.objectBytes),
        writeCount(bucket.droppedObjects),
      ]),
  );
}

function latestObjects(control: SandboxControl): Markup {
  const latest = control
    .buckets()
    .flatMap(({ name }) => control.objects(name).map((object) => ({ bucket: name, object })))
    .sort((a, b) => b.object.modifiedAtMs - a.object.modifiedAtMs)
    .slice(0, ROWS_MAX);
  return section(
    'Latest objects',
    [
      { title: 'written (UTC)', kind: 'time' },
      { title: 'bucket / key', kind: 'place' },
      { title: 'type' },
      { title: 'size', kind: 'number' },
    ],
    latest.map(({ bucket, object: { key, modifiedAtMs, headers, contentBytes } }) => [
      writeTime(modifiedAtMs),
      link('/_sandbox/page/object', { bucket, key }, `${bucket} / ${key}`),
      headers['content-type'] ?? '',
      writeBytes(contentBytes),
    ]),
  );
}

function faultTable(control: SandboxControl): Markup {
  return section(
    'Faults',
    [{ title: 'fault' }, { title: 'for' }, { title: 'hits', kind: 'number' }],
    control
      .faults()
      .slice(0, ROWS_MAX)
      .map(({ action, match, hits, times }) => [
        markup`<code>${JSON.stringify(action)}</code>`,
        markup`<code>${JSON.stringify(match)}</code>`,
        times === undefined ? writeCount(hits) : `${writeCount(hits)} of ${writeCount(times)}`,
      ]),
  );
}

function accountTable(control: SandboxControl): Markup {
  const { accounts, roles, users, oidcProviders, sessions } = control.identities();
  const lines = (texts: readonly string[]): Markup =>
    markup`${texts.map((text) => markup`<code>${text}</code><br>`)}`;
  return section(
    `Accounts (${writeCount(accounts.length)}, with ${writeCount(sessions)} sessions issued)`,
    [{ title: 'account' }, { title: 'OIDC providers' }, { title: 'roles and users' }],
    accounts
      .slice(0, ROWS_MAX)
      .map((account) => [
        account,
        lines(oidcProviders.filter((one) => one.account === account).map(({ url }) => url)),
        lines(
          [...roles, ...users].map(({ arn }) => arn).filter((arn) => arn.includes(`::${account}:`)),
        ),
      ]),
    'No account has been seeded, so every call is refused. Start with --seed FILE.json, or post a seed to /_sandbox/seed.',
  );
}

function streamLink({ account, region, group, stream }: LogStreamRef): Markup {
  const parameters = { account, region, group, stream };
  return link('/_sandbox/page/stream', parameters, `${group} / ${stream}`);
}
