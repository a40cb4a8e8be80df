// What the page shows: an overview, one stream, one object.
import type { StoredObject } from './bucket-store';
import { html } from './html';
import type { Html } from './html';
import type { StoredEvent } from './log-stream';
import { viewAsText } from './object-view';
import type { LogStreamReading, LogStreamRef, SandboxControl } from './sandbox-control';

const STREAMS_SHOWN = 100;
const EVENTS_SHOWN = 30;
const STREAM_EVENTS_SHOWN = 500;
const OBJECTS_SHOWN = 100;

export function viewNotFound(): Html {
  return html`<section>
    <div class="card empty">
      There is nothing here (any more). <a href="/">Back to the overview</a>.
    </div>
  </section>`;
}

export function viewOverview(control: SandboxControl): Html {
  const streams = control.logGroups().flatMap((group) => group.streams);
  return html`${figures(control)}${recentEvents(control, streams)}${streamTable(streams)}${bucketTable(control)}${objectTable(control)}${faultTable(control)}${accountTable(control)}`;
}

function figures(control: SandboxControl): Html {
  const { logEvents, objects } = control.counters();
  const { droppedEvents, keptBytes } = control.memory();
  const rejected = logEvents.rejectedTooOld + logEvents.rejectedTooNew + logEvents.rejectedExpired;
  return html`<dl class="figures">
    ${figure('log events stored', count(logEvents.accepted))}
    ${figure('in batches', count(logEvents.batches))}
    ${figure('log events refused', count(rejected), rejected > 0)}
    ${figure('objects written', count(objects.put))} ${figure('kept in memory', bytes(keptBytes))}
    ${figure('log events dropped from memory', count(droppedEvents), droppedEvents > 0)}
  </dl>`;
}

function figure(label: string, value: string, isWarning = false): Html {
  return html`<div class="${isWarning ? 'warn' : ''}">
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** The streams that were written to last, in that order. */
function byLastWrite(streams: readonly LogStreamReading[]): LogStreamReading[] {
  return [...streams].sort((a, b) => (b.lastIngestedAtMs ?? 0) - (a.lastIngestedAtMs ?? 0));
}

function recentEvents(control: SandboxControl, streams: readonly LogStreamReading[]): Html {
  const recent = byLastWrite(streams)
    .slice(0, EVENTS_SHOWN)
    .flatMap((stream) =>
      control
        .logEvents(stream)
        .slice(-EVENTS_SHOWN)
        .map((event) => ({ stream, event })),
    )
    .sort(
      (a, b) =>
        b.event.ingestedAtMs - a.event.ingestedAtMs || b.event.timestamp - a.event.timestamp,
    )
    .slice(0, EVENTS_SHOWN);
  if (recent.length === 0) {
    return html`<section>
      <h2>Latest log events</h2>
      <div class="card empty">
        Nothing has arrived yet. This page looks again every two seconds.
      </div>
    </section>`;
  }
  return html`<section>
    <h2>Latest log events</h2>
    <div class="card">
      <table>
        <tr>
          <th>time</th>
          <th>group / stream</th>
          <th>message</th>
        </tr>
        ${recent.map(
          ({ stream, event }) =>
            html`<tr>
              <td class="time">${time(event.timestamp)}</td>
              <td>${streamLink(stream)}</td>
              <td class="message">${clip(event.message)}</td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`;
}

function streamTable(streams: readonly LogStreamReading[]): Html {
  if (streams.length === 0) return html``;
  return html`<section>
    <h2>Log streams <small>${count(streams.length)}, last written first</small></h2>
    <div class="card">
      <table>
        <tr>
          <th>account</th>
          <th>Region</th>
          <th>group / stream</th>
          <th class="number">log events</th>
          <th class="number">bytes</th>
          <th class="number">dropped</th>
          <th>last written</th>
        </tr>
        ${byLastWrite(streams)
          .slice(0, STREAMS_SHOWN)
          .map(
            (stream) =>
              html`<tr>
                <td>${stream.account}</td>
                <td>${stream.region}</td>
                <td>${streamLink(stream)}</td>
                <td class="number">${count(stream.acceptedEvents)}</td>
                <td class="number">${bytes(stream.acceptedMessageBytes)}</td>
                <td class="number">${count(stream.droppedEvents)}</td>
                <td class="time">${time(stream.lastIngestedAtMs)}</td>
              </tr>`,
          )}
      </table>
    </div>
  </section>`;
}

function bucketTable(control: SandboxControl): Html {
  const buckets = control.buckets();
  if (buckets.length === 0) return html``;
  return html`<section>
    <h2>Buckets</h2>
    <div class="card">
      <table>
        <tr>
          <th>account</th>
          <th>Region</th>
          <th>bucket</th>
          <th class="number">objects</th>
          <th class="number">bytes</th>
          <th class="number">contents dropped</th>
        </tr>
        ${buckets.slice(0, OBJECTS_SHOWN).map(
          (bucket) =>
            html`<tr>
              <td>${bucket.account}</td>
              <td>${bucket.region}</td>
              <td><code>${bucket.name}</code></td>
              <td class="number">${count(bucket.objects)}</td>
              <td class="number">${bytes(bucket.objectBytes)}</td>
              <td class="number">${count(bucket.droppedObjects)}</td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`;
}

function objectTable(control: SandboxControl): Html {
  const latest = control
    .buckets()
    .flatMap(({ name }) => control.objects(name).map((object) => ({ bucket: name, object })))
    .sort((a, b) => b.object.modifiedAtMs - a.object.modifiedAtMs)
    .slice(0, OBJECTS_SHOWN);
  if (latest.length === 0) return html``;
  return html`<section>
    <h2>Latest objects</h2>
    <div class="card">
      <table>
        <tr>
          <th>written</th>
          <th>bucket / key</th>
          <th>type</th>
          <th class="number">bytes</th>
        </tr>
        ${latest.map(
          ({ bucket, object }) =>
            html`<tr>
              <td class="time">${time(object.modifiedAtMs)}</td>
              <td>
                <a href="/_sandbox/page/object?${query({ bucket, key: object.key })}"
                  ><code>${bucket} / ${object.key}</code></a
                >
              </td>
              <td>${object.headers['content-type'] ?? ''}</td>
              <td class="number">${bytes(object.contentBytes)}</td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`;
}

function faultTable(control: SandboxControl): Html {
  const faults = control.faults();
  if (faults.length === 0) return html``;
  return html`<section>
    <h2>Faults</h2>
    <div class="card">
      <table>
        <tr>
          <th>fault</th>
          <th>for</th>
          <th class="number">hits</th>
        </tr>
        ${faults.slice(0, STREAMS_SHOWN).map(
          (fault) =>
            html`<tr>
              <td><code>${JSON.stringify(fault.action)}</code></td>
              <td><code>${JSON.stringify(fault.match)}</code></td>
              <td class="number">
                ${count(fault.hits)}${fault.times === undefined ? '' : ` of ${count(fault.times)}`}
              </td>
            </tr>`,
        )}
      </table>
    </div>
  </section>`;
}

function accountTable(control: SandboxControl): Html {
  const { accounts, roles, users, oidcProviders, sessions } = control.identities();
  return html`<section>
    <h2>Accounts <small>${count(sessions)} sessions issued</small></h2>
    <div class="card">
      ${
        accounts.length === 0
          ? html`<div class="empty">
              No account has been seeded, so every call is refused. Start with
              <code>--seed FILE.json</code> or post a seed to <code>/_sandbox/seed</code>.
            </div>`
          : html`<table>
              <tr>
                <th>account</th>
                <th>OIDC providers</th>
                <th>roles and users</th>
              </tr>
              ${accounts.slice(0, STREAMS_SHOWN).map(
                (account) =>
                  html`<tr>
                    <td>${account}</td>
                    <td>
                      ${oidcProviders.filter((provider) => provider.account === account).map(({ url }) => html`<code>${url}</code><br />`)}
                    </td>
                    <td>
                      ${[...roles, ...users].filter(({ arn }) => arn.includes(`::${account}:`)).map(({ arn }) => html`<code>${arn}</code><br />`)}
                    </td>
                  </tr>`,
              )}
            </table>`
      }
    </div>
  </section>`;
}

export function viewStream(control: SandboxControl, ref: LogStreamRef): Html | undefined {
  const stream = control.logStream(ref);
  if (stream === undefined) return undefined;
  const events = control.logEvents(ref);
  return html`<section>
    <h2>${ref.group} / ${ref.stream} <small>${ref.account}, ${ref.region}</small></h2>
    <dl class="figures">
      ${figure('log events stored', count(stream.acceptedEvents))}
      ${figure('duplicates among them', count(control.duplicateLogEvents(ref)))}
      ${figure('bytes', bytes(stream.acceptedMessageBytes))}
      ${figure('dropped from memory', count(stream.droppedEvents), stream.droppedEvents > 0)}
    </dl>
    <h2>
      The last ${count(Math.min(events.length, STREAM_EVENTS_SHOWN))} log events, latest first
    </h2>
    <div class="card">
      ${events.length === 0 ? html`<div class="empty">None.</div>` : eventTable(events)}
    </div>
  </section>`;
}

function eventTable(events: readonly StoredEvent[]): Html {
  return html`<table>
    <tr>
      <th>time</th>
      <th>arrived</th>
      <th>message</th>
    </tr>
    ${events
      .slice(-STREAM_EVENTS_SHOWN)
      .reverse()
      .map(
        (event) =>
          html`<tr>
            <td class="time">${time(event.timestamp)}</td>
            <td class="time">${time(event.ingestedAtMs)}</td>
            <td class="message">${clip(event.message)}</td>
          </tr>`,
      )}
  </table>`;
}

export function viewObject(control: SandboxControl, bucket: string, key: string): Html | undefined {
  const object = control.object(bucket, key);
  if (object === undefined) return undefined;
  const facts: [string, string][] = [
    ['ETag', object.etag],
    ['storage class', object.storageClass],
    ['encryption', object.encryption.algorithm],
    ...Object.entries(object.headers),
    ...Object.entries(object.metadata).map(([name, value]): [string, string] => [
      `x-amz-meta-${name}`,
      value,
    ]),
  ];
  return html`<section>
      <h2>
        ${bucket} / ${key}
        <small>${bytes(object.contentBytes)}, written ${time(object.modifiedAtMs)}</small>
      </h2>
      <div class="card">
        <table>
          ${facts.map(
            ([name, value]) =>
              html`<tr>
                <th>${name}</th>
                <td><code>${value}</code></td>
              </tr>`,
          )}
        </table>
      </div>
    </section>
    <section>
      <h2>
        Content <small><a href="/_sandbox/object?${query({ bucket, key })}">download</a></small>
      </h2>
      <div class="card">${contentView(object)}</div>
    </section>`;
}

function contentView(object: StoredObject): Html {
  const view = viewAsText(object);
  if (object.content === undefined) {
    return html`<div class="empty">
      The sandbox let go of this content to stay within its memory.
    </div>`;
  }
  if (view === undefined) return html`<div class="empty">This content is not text.</div>`;
  const notes = [
    ...(view.wasCompressed ? ['unpacked from gzip'] : []),
    ...(view.isCut ? ['only the beginning is shown'] : []),
  ];
  return html`${notes.length > 0 ? html`<div class="empty">${notes.join(', ')}</div>` : html``}
    <pre>${view.text}</pre>`;
}

function streamLink(ref: LogStreamRef): Html {
  const { account, region, group, stream } = ref;
  return html`<a href="/_sandbox/page/stream?${query({ account, region, group, stream })}"
    ><code>${group} / ${stream}</code></a
  >`;
}

function query(parameters: Record<string, string>): string {
  return new URLSearchParams(parameters).toString();
}

function time(atMs: number | undefined): string {
  if (atMs === undefined) return '–';
  const isShowable = Math.abs(atMs) <= 8.64e15;
  return isShowable
    ? new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
    : String(atMs);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function bytes(value: number): string {
  if (value < 1024) return `${String(value)} B`;
  if (value < 1024 ** 2) return `${(value / 1024).toFixed(1)} KiB`;
  return `${(value / 1024 ** 2).toFixed(1)} MiB`;
}

function clip(message: string): string {
  return message.length > 2_000 ? `${message.slice(0, 2_000)}…` : message;
}
