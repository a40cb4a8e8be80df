import { aCloudWatchLane, aLogEvent, anS3Lane } from '@logferry/testing';
import fc from 'fast-check';
import { encodeFragment, fragmentTimeMs } from './fragment';

test('a CloudWatch fragment is the log event that PutLogEvents takes, counted as AWS counts', () => {
  const { text, bytes } = encodeFragment(
    aCloudWatchLane(),
    aLogEvent({ timeMs: 1763722080000, message: 'é "x"\n' }),
  );
  expect(JSON.parse(text)).toEqual({ timestamp: 1763722080000, message: 'é "x"\n' });
  expect(bytes).toBe(Buffer.byteLength('é "x"\n') + 26);
});

test('with the event format, the message is the whole log event', () => {
  const lane = aCloudWatchLane({ format: 'event' });
  const { text } = encodeFragment(
    lane,
    aLogEvent({ level: 'info', attributes: { a: 'b' }, scope: 's', id: 'i' }),
  );
  const { message } = JSON.parse(text) as { message: string };
  expect(JSON.parse(message)).toEqual({
    time: '2026-11-21T10:48:00.000Z',
    type: 'deployment',
    id: 'i',
    level: 'info',
    scope: 's',
    attributes: { a: 'b' },
    message: 'Apply complete!',
  });
});

test('an S3 line holds a JSON message as JSON, and text as text', () => {
  const line = (message: string, isJson: boolean) =>
    (
      JSON.parse(encodeFragment(anS3Lane(), aLogEvent({ message, isJson })).text) as {
        message: unknown;
      }
    ).message;
  expect(line('{"ok":true}', true)).toEqual({ ok: true });
  expect(line('{"ok":true}', false)).toBe('{"ok":true}');
});

test('no fragment holds a newline, and each tells its time without being parsed', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.integer({ min: 100_000_000_000, max: 253_402_300_799_999 }),
      (message, timeMs) => {
        for (const lane of [aCloudWatchLane(), anS3Lane()]) {
          const { text } = encodeFragment(
            lane,
            aLogEvent({ timeMs, message, scope: message, attributes: { a: message } }),
          );
          expect(text).not.toContain('\n');
          expect(fragmentTimeMs(lane.target.sink, Buffer.from(`x${text}`), 1)).toBe(timeMs);
        }
      },
    ),
  );
});
