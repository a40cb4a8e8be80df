// Says in a log event that it was replayed, without reading it as JSON: by text, at a place that the whole log event as a message always
// has. Only where the destination's format is `event`: a message alone is the customer's own, and is delivered as it came.
import { CLOUDWATCH } from '@logferry/core';
import { fragmentTimeMs, separators } from './fragment';
import { BatchPayload } from './payload';

/** Log events for one batch. */
export interface MarkedRun {
  logEvents: number;
  bytes: number;
  firstMs: number;
  lastMs: number;
  text: Buffer;
}

const QUOTED_TIME = '\\"time\\":\\"';
const ISO_CHARS = 24;
/** Behind the time, which stays first. */
const BEHIND_TIME = QUOTED_TIME.length + ISO_CHARS + '\\"'.length;

/**
 * The log events of kept chunks, marked, in as many runs as batches they need: marks take room, and what was full has to be divided. A log
 * event that alone would become too large stays as it is.
 */
export function markReplayed(packed: readonly Buffer[], replayId: string): MarkedRun[] {
  const mark = Buffer.from(`,\\"replay\\":\\"${replayId}\\"`);
  const runs: { events: Buffer[]; bytes: number }[] = [];
  for (const event of BatchPayload.fromChunks('cloudwatch', packed).events()) {
    const marked = withMark(event, mark);
    const run = runs.at(-1);
    // Escaped as it is, a log event is never shorter than AWS counts it.
    if (run !== undefined && run.bytes + marked.length <= CLOUDWATCH.batchBytesMax) {
      run.events.push(marked);
      run.bytes += marked.length;
    } else runs.push({ events: [marked], bytes: marked.length });
  }
  return runs.map(({ events, bytes }) => ({
    logEvents: events.length,
    bytes,
    firstMs: timeOf(events.at(0)),
    lastMs: timeOf(events.at(-1)),
    text: join(events),
  }));
}

function withMark(event: Buffer, mark: Buffer): Buffer {
  const head = `{"timestamp":${timeOf(event)},"message":"{`;
  const time = `${QUOTED_TIME}${new Date(timeOf(event)).toISOString()}\\"`;
  const start = event.toString('latin1', 0, head.length + BEHIND_TIME);
  const isEvent = start === head + time;
  if (!isEvent || event.length + mark.length > CLOUDWATCH.batchBytesMax) return event;
  const at = head.length + BEHIND_TIME;
  return Buffer.concat([event.subarray(0, at), mark, event.subarray(at)]);
}

function timeOf(event: Buffer | undefined): number {
  return event === undefined ? 0 : fragmentTimeMs('cloudwatch', event, 0);
}

function join(events: readonly Buffer[]): Buffer {
  const separator = Buffer.from(separators.cloudwatch);
  return Buffer.concat(events.flatMap((event, i) => (i === 0 ? [event] : [separator, event])));
}
