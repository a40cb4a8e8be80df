// The page's views of one stream and of one object.
import type { StoredObject } from './bucket-store';
import { markup } from './markup';
import type { Markup } from './markup';
import { viewAsText } from './object-view';
import { figures, section, writeBytes, writeCount, writeMessage, writeTime } from './page-parts';
import type { LogStreamRef, SandboxControl } from './sandbox-control';

const EVENTS_MAX = 500;
/** Counting duplicates looks at every event; beyond this many the page would slow down what it watches. */
const EVENTS_COUNTED_MAX = 100_000;

export function viewNotFound(): Markup {
  return markup`<div class="card empty">There is nothing here (any more). <a href="/">Back to the overview</a></div>`;
}

export function viewStream(control: SandboxControl, ref: LogStreamRef): Markup | undefined {
  const stream = control.logStream(ref);
  if (stream === undefined) return undefined;
  const isCountable = stream.acceptedEvents - stream.droppedEvents <= EVENTS_COUNTED_MAX;
  const duplicates = isCountable
    ? writeCount(control.duplicateLogEvents(ref))
    : 'too many to count';
  const head = figures([
    { label: 'log events stored', value: writeCount(stream.acceptedEvents) },
    { label: 'duplicates among them', value: duplicates },
    { label: 'size', value: writeBytes(stream.acceptedMessageBytes) },
    {
      label: 'dropped from memory',
      value: writeCount(stream.droppedEvents),
      isWarning: stream.droppedEvents > 0,
    },
  ]);
  const shown = control.latestLogEvents(ref, EVENTS_MAX);
  const table = section(
    `The last ${writeCount(shown.length)} log events to arrive, latest first`,
    [
      { title: 'time (UTC)', kind: 'time' },
      { title: 'arrived (UTC)', kind: 'time' },
      { title: 'message', kind: 'message' },
    ],
    shown.map(({ timestamp, ingestedAtMs, message }) => [
      writeTime(timestamp),
      writeTime(ingestedAtMs),
      writeMessage(message),
    ]),
    'None.',
  );
  return markup`${title(`${ref.group} / ${ref.stream}`, `${ref.account}, ${ref.region}`)}${head}${table}`;
}

export function viewObject(
  control: SandboxControl,
  bucket: string,
  key: string,
): Markup | undefined {
  const object = control.object(bucket, key);
  if (object === undefined) return undefined;
  const facts = [
    ['written (UTC)', writeTime(object.modifiedAtMs)],
    ['size', writeBytes(object.contentBytes)],
    ['etag', object.etag],
    ['storage class', object.storageClass],
    ['encryption', object.encryption.algorithm],
    ...Object.entries(object.headers),
    ...Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
  ];
  const rows = facts.map(([name = '', value = '']) => [name, markup`<code>${value}</code>`]);
  const query = new URLSearchParams({ bucket, key }).toString();
  return markup`${title(key, bucket)}${section('What S3 keeps of it', [{ title: 'name' }, { title: 'value' }], rows)}
<section><h2>Content <small><a href="/_sandbox/object?${query}">download</a></small></h2><div class="card">${contentView(object)}</div></section>`;
}

function title(name: string, place: string): Markup {
  return markup`<h2 class="title"><code>${name}</code> <small>${place}</small></h2>`;
}

function contentView(object: StoredObject): Markup {
  if (object.content === undefined) {
    return markup`<div class="empty">The sandbox let go of this content to stay within its memory.</div>`;
  }
  const view = viewAsText(object);
  if (view === undefined) return markup`<div class="empty">This content is not text.</div>`;
  const notes = [
    ...(view.wasCompressed ? ['unpacked from gzip'] : []),
    ...(view.isCut ? ['only the beginning is shown'] : []),
  ];
  const note = notes.length === 0 ? markup`` : markup`<div class="empty">${notes.join(', ')}</div>`;
  return markup`${note}<pre>${view.text}</pre>`;
}
