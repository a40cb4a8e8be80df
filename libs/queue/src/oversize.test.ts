import { utf8Bytes } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, anS3Lane } from '@logferry/testing';
import fc from 'fast-check';
import { encodeFragment, type Fragment } from './fragment';
import { cutToFit } from './oversize';

const small = { bytesMax: 4_096, logEventsMax: 10, spanMsMax: 1_000, logEventBytesMax: 512 };
const lanes = {
  'CloudWatch, message': aCloudWatchLane({ limits: small }),
  'CloudWatch, whole log event': aCloudWatchLane({ limits: small, format: 'event' }),
  S3: anS3Lane({ limits: small }),
};

/** The message as whoever reads the log sees it. */
function messageOf({ text }: Fragment): string {
  const { message } = JSON.parse(text) as { message: string };
  return message.startsWith('{') ? (JSON.parse(message) as { message: string }).message : message;
}

const longTexts = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 60, maxLength: 400 })
  .map((parts) => `s${parts.join('\n"\\\u0001')}`);

describe.each(Object.entries(lanes))('%s', (_, lane) => {
  test('the numbered parts fit, and together they are what was sent', () => {
    fc.assert(
      fc.property(longTexts, (message) => {
        const parts = cutToFit(lane, aLogEvent({ message }));
        const texts = parts.map((part, i) => {
          expect(part.bytes).toBeLessThanOrEqual(lane.limits.logEventBytesMax);
          const text = messageOf(part);
          const number = `[${i + 1}/${parts.length}] `;
          expect(text.startsWith(number)).toBe(true);
          return text.slice(number.length);
        });
        expect(texts.join('')).toBe(message);
      }),
    );
  });

  test('a truncated log event fits, fills its room, and says how long it was', () => {
    fc.assert(
      fc.property(longTexts, (message) => {
        fc.pre(encodeFragment(lane, aLogEvent({ message })).bytes > lane.limits.logEventBytesMax);
        const [only, ...more] = cutToFit({ ...lane, oversize: 'truncate' }, aLogEvent({ message }));
        expect(more).toEqual([]);
        expect(only?.bytes).toBeLessThanOrEqual(lane.limits.logEventBytesMax);
        // The mark's own room, and one character that did not fit any more.
        expect(only?.bytes).toBeGreaterThan(lane.limits.logEventBytesMax - 64 - 6);
        const text = only === undefined ? '' : messageOf(only);
        const mark = ` [truncated, ${utf8Bytes(message)} bytes in all]`;
        expect(text.endsWith(mark)).toBe(true);
        expect(message.startsWith(text.slice(0, -mark.length))).toBe(true);
      }),
    );
  });
});

test('the parts of one log event keep its time, so that they stay together', () => {
  const event = aLogEvent({ message: 'x'.repeat(2_000), timeMs: 1763722080000 });
  const times = cutToFit(lanes.S3, event).map(({ timeMs }) => timeMs);
  expect(new Set(times)).toEqual(new Set([1763722080000]));
  expect(times.length).toBeGreaterThan(2);
});

test('JSON that had to be cut is text', () => {
  const json = JSON.stringify({ list: Array.from({ length: 300 }, (_, i) => i) });
  const event = aLogEvent({ message: json, json, isJson: true });
  const joined = cutToFit(lanes.S3, event)
    .map((part) => messageOf(part).replace(/^\[\d+\/\d+\] /, ''))
    .join('');
  expect(joined).toBe(json);
});
