// What is taken as a correction: as many log events as there were, each such that AWS takes it, all of them in one batch.
import { CLOUDWATCH, S3 } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, anS3Lane } from '@logferry/testing';
import fc from 'fast-check';
import { buildChunks } from './chunk';
import { unpackChunk } from './chunk-codec';
import { readCorrection } from './dead-letter-correction';
import type { DeadLetter } from './dead-letter-store';
import { chunkLines, noHead } from './dead-letter-text';
import { encodeFragment } from './fragment';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

function aDeadLetter(over: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: 'm1',
    shard: 0,
    tenantId: 'acme',
    destinationId: 'cw',
    target: { sink: 'cloudwatch', logGroup: 'group', logStream: 'stream' },
    state: 'refused',
    reason: 'cloudwatch.log_event_too_old',
    logEvents: 1,
    bytes: 30,
    storedBytes: 2_100,
    firstMs: NOW_MS,
    openedAt: NOW_MS,
    deadAt: NOW_MS,
    begun: 0,
    isQueued: false,
    ...over,
  };
}

const s3Letter = (logEvents: number): DeadLetter =>
  aDeadLetter({ logEvents, target: anS3Lane().target, destinationId: 's3' });

const line = (fields: object): string => JSON.stringify({ time: NOW_MS, message: 'm', ...fields });

function problemOf(deadLetter: DeadLetter, ...lines: string[]): string | undefined {
  const correction = readCorrection(deadLetter, lines.join('\n'), NOW_MS);
  return correction.kind === 'problem' ? correction.message : undefined;
}

test.each<[string, string, string]>([
  ['no JSON', '{"time":', 'line 1: not valid JSON'],
  ['no object', '[1]', 'line 1: a log event is a JSON object'],
  ['no time', '{"message":"m"}', 'line 1: time is missing'],
  ['no message', '{"time":1795262400000}', 'line 1: message is missing'],
  ['an empty message', line({ message: '' }), 'line 1: message is empty'],
  ['a time that is none', line({ time: 'yesterday' }), 'line 1: time must be ISO 8601'],
  ['epoch seconds', line({ time: 1_795_262_400 }), 'line 1: time looks like epoch seconds'],
  ['a field that would be lost', line({ level: 'error' }), 'line 1: "level" is no field of it'],
])('%s is refused, with the line and the field', (_, text, message) => {
  expect(problemOf(aDeadLetter(), text)).toContain(message);
});

test.each([
  [0, 3],
  [2, 3],
  [4, 3],
])('%d log events are not a correction of %d', (given, has) => {
  const lines = Array.from({ length: given }, () => line({}));
  expect(problemOf(aDeadLetter({ logEvents: has }), ...lines)).toContain(`has ${has} log events`);
});

test.each<[string, number, string | undefined]>([
  ['one millisecond younger than the oldest', -14 * DAY_MS + 1, undefined],
  ['as old as may be', -14 * DAY_MS, undefined],
  ['older than that', -14 * DAY_MS - 1, 'more than 14 days ago'],
  ['one millisecond before the newest', 7_200_000 - 1, undefined],
  ['as new as may be', 7_200_000, undefined],
  ['newer than that', 7_200_000 + 1, 'more than 2 hours in the future'],
])('for CloudWatch Logs, a time %s', (_, offsetMs, problem) => {
  const found = problemOf(aDeadLetter(), line({ time: NOW_MS + offsetMs }));
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test('S3 takes log events of any time', () => {
  const text = line({ type: 'audit', time: NOW_MS - 400 * DAY_MS });
  expect(problemOf(s3Letter(1), text)).toBeUndefined();
});

test.each([
  [DAY_MS - 1, undefined],
  [DAY_MS, undefined],
  [DAY_MS + 1, 'more than 24 hours apart'],
])('log events of one batch that lie %d ms apart', (spanMs, problem) => {
  const lines = [line({ time: NOW_MS }), line({ time: NOW_MS - spanMs })];
  const found = problemOf(aDeadLetter({ logEvents: 2 }), ...lines);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test.each([
  [-1, undefined],
  [0, undefined],
  [1, 'the most is 1048576'],
])('a message of the most bytes plus %d', (more, problem) => {
  const message = 'x'.repeat(CLOUDWATCH.messageBytesMax + more);
  const found = problemOf(aDeadLetter(), line({ message }));
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test.each([
  [-1, undefined],
  [0, undefined],
  [1, 'the most of a batch is 1048576'],
])('log events that fill a batch plus %d bytes', (more, problem) => {
  const half = CLOUDWATCH.batchBytesMax / 2 - CLOUDWATCH.logEventOverheadBytes;
  const lines = [half, half + more].map((chars) => line({ message: 'x'.repeat(chars) }));
  const found = problemOf(aDeadLetter({ logEvents: 2 }), ...lines);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test('a log event larger than an object may hold one is refused', () => {
  const message = '\u0001'.repeat(S3.logEventBytesMax / 6);
  expect(problemOf(s3Letter(1), line({ type: 'audit', message }))).toContain('message takes');
});

test('what was downloaded is taken back as it was, to the last byte and digit', () => {
  const lanes = [aCloudWatchLane({ format: 'message' }), anS3Lane()];
  const message = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }),
    fc.constant('{"id":12345678901234567890,"a":"\\u0000\\n"}'),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...lanes),
      fc.array(fc.record({ message, offsetMs: fc.nat(10_000) }), { minLength: 1, maxLength: 20 }),
      (lane, events) => {
        const fragments = events.map(({ message: text, offsetMs }) => {
          const wellFormed = text.toWellFormed();
          return encodeFragment(
            lane,
            aLogEvent({ message: wellFormed, timeMs: NOW_MS - offsetMs, attributes: { a: 'b' } }),
          );
        });
        const stored = buildChunks(lane, fragments);
        const letter = aDeadLetter({ target: lane.target, logEvents: events.length });
        const text = stored
          .map(({ payload }) => chunkLines(letter, payload, noHead).lines)
          .join('');
        const correction = readCorrection(letter, text, NOW_MS);
        if (correction.kind === 'problem') throw new Error(correction.message);
        const bytesOf = (chunks: typeof stored) =>
          chunks.map(({ payload }) => unpackChunk(payload).toString());
        expect(bytesOf(correction.chunks)).toEqual(bytesOf(stored));
        expect(correction.chunks.map((chunk) => chunk.bytes)).toEqual(stored.map((c) => c.bytes));
      },
    ),
  );
});

test('a message that is JSON keeps its digits when it is sent as a value', () => {
  const text = `{"time":${NOW_MS},"message":{"id":12345678901234567890}}`;
  const correction = readCorrection(aDeadLetter(), text, NOW_MS);
  if (correction.kind === 'problem') throw new Error(correction.message);
  expect(unpackChunk(correction.chunks[0]?.payload ?? Buffer.alloc(0)).toString()).toContain(
    '12345678901234567890',
  );
});
