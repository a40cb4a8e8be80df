import fc from 'fast-check';
import { parseJsonExact } from './json-text';
import { LOG_EVENT } from './limits';
import { parseDefaults, parseLogEvent, type LogEvent, type RefusalCode } from './log-event';

const nowMs = Date.UTC(2026, 10, 21, 10, 48);
const defaults = { nowMs, type: 'deployment' };

function parsed(value: unknown): LogEvent {
  const result = parseLogEvent(value, defaults);
  if (result.kind !== 'event') throw new Error(`expected an event: ${JSON.stringify(result)}`);
  return result.event;
}

function refused(value: unknown, given = defaults): { code: RefusalCode; message: string } {
  const result = parseLogEvent(value, given);
  if (result.kind !== 'refused') throw new Error(`expected a refusal: ${JSON.stringify(result)}`);
  return result.refusal;
}

test('a message alone is a log event of the default type, at its arrival', () => {
  expect(parsed({ message: 'Apply complete!' })).toMatchObject({
    type: 'deployment',
    timeMs: nowMs,
    message: 'Apply complete!',
    isJson: false,
  });
});

test('every field that is given is kept', () => {
  const value = {
    type: 'audit',
    time: '2026-11-20T23:59:59.123+01:00',
    message: { action: 'login', ok: true },
    id: 'e-1',
    level: 'info',
    scope: 'project/web/environment/prod',
    attributes: { organizationId: 'o-1' },
  };
  expect(parsed(value)).toEqual({
    type: 'audit',
    timeMs: Date.UTC(2026, 10, 20, 22, 59, 59, 123),
    message: '{"action":"login","ok":true}',
    isJson: true,
    json: '{"action":"login","ok":true}',
    id: 'e-1',
    level: 'info',
    scope: 'project/web/environment/prod',
    attributes: { organizationId: 'o-1' },
  });
});

test.each<[string, unknown, RefusalCode]>([
  ['a bare string', 'text', 'event.not_an_object'],
  ['null', null, 'event.not_an_object'],
  ['an array', [], 'event.not_an_object'],
  ['a field that we do not know', { message: 'm', msg: 'x' }, 'event.unknown_field'],
  ['no message', { type: 'audit' }, 'event.message_missing'],
  ['an empty message', { message: '' }, 'event.message_empty'],
  ['a type with a space', { message: 'm', type: 'a b' }, 'event.type_invalid'],
  ['a time without a zone', { message: 'm', time: '2026-11-20T10:00:00' }, 'event.time_invalid'],
  ['a time in words', { message: 'm', time: 'Nov 20 2026' }, 'event.time_invalid'],
  [
    'a day that does not exist',
    { message: 'm', time: '2026-02-30T00:00:00Z' },
    'event.time_invalid',
  ],
  ['a fraction of a millisecond', { message: 'm', time: 1763720000000.5 }, 'event.time_invalid'],
  ['epoch seconds', { message: 'm', time: 1763720000 }, 'event.time_out_of_range'],
  ['the year 10000', { message: 'm', time: 253_402_300_800_000 }, 'event.time_out_of_range'],
  ['an id that is a number', { message: 'm', id: 7 }, 'event.id_invalid'],
  ['an empty level', { message: 'm', level: '' }, 'event.level_invalid'],
  ['a scope with a newline', { message: 'm', scope: 'a\nb' }, 'event.scope_invalid'],
  ['attributes in a list', { message: 'm', attributes: [] }, 'event.attributes_invalid'],
  [
    'an attribute that is a number',
    { message: 'm', attributes: { a: 1 } },
    'event.attributes_invalid',
  ],
  ['a tenant where the address gives it', { message: 'm', tenant: 't' }, 'event.unknown_field'],
])('%s is refused by name', (_, value, code) => {
  expect(refused(value).code).toBe(code);
});

test('a refusal names the field and never shows the content', () => {
  const { message } = refused({ message: 'm', attributes: { token: 5, secret: 's3cr3t-value' } });
  expect(message).toContain('token');
  expect(message).not.toContain('s3cr3t-value');
});

test('a log event without a type needs a default for it', () => {
  const result = parseLogEvent({ message: 'm' }, { nowMs });
  expect(result).toMatchObject({ kind: 'refused', refusal: { code: 'event.type_missing' } });
});

test('a message may have its bytes, and not one more', () => {
  const most = LOG_EVENT.messageBytesMax;
  expect(parsed({ message: 'x'.repeat(most - 1) }).message).toHaveLength(most - 1);
  expect(parsed({ message: 'x'.repeat(most) }).message).toHaveLength(most);
  expect(refused({ message: 'x'.repeat(most + 1) }).code).toBe('event.message_too_large');
});

test('the size of a message is counted in bytes, not in characters', () => {
  const pairs = Math.floor(LOG_EVENT.messageBytesMax / 2);
  expect(parsed({ message: 'é'.repeat(pairs) }).message).toHaveLength(pairs);
  expect(refused({ message: 'é'.repeat(pairs + 1) }).code).toBe('event.message_too_large');
});

test('a value may be nested to the limit and not deeper', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
  expect(parsed({ message: nested(LOG_EVENT.messageDepthMax) }).isJson).toBe(true);
  expect(refused({ message: nested(LOG_EVENT.messageDepthMax + 1) }).code).toBe(
    'event.message_too_deep',
  );
});

test('attributes are bounded in number and size', () => {
  const many = (n: number) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`a${i}`, 'v']));
  expect(parsed({ message: 'm', attributes: many(32) }).attributes).toHaveProperty('a31', 'v');
  expect(refused({ message: 'm', attributes: many(33) }).code).toBe('event.attributes_invalid');
  expect(refused({ message: 'm', attributes: { a: 'v'.repeat(1_025) } }).code).toBe(
    'event.attributes_invalid',
  );
});

test('a whole number keeps every digit, however many it has', () => {
  const text = '{"message":{"id":12345678901234567890,"n":1e400,"small":42}}';
  expect(parseLogEvent(JSON.parse(text), defaults)).toEqual({ kind: 'inexact' });
  expect(parsed(parseJsonExact(text)).message).toBe(
    '{"id":12345678901234567890,"n":1e400,"small":42}',
  );
});

test('a fraction keeps fifteen significant digits, and all of those of another double', () => {
  const digits15 = fc
    .tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 1, max: 999_999_999 }))
    .map(([whole, part]) => `${whole}.${String(part).padStart(9, '0')}`.replace(/0+$/, ''));
  const written = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 });
  fc.assert(
    fc.property(fc.oneof(digits15, written.map(JSON.stringify)), (text) => {
      expect(parsed({ message: [JSON.parse(text)] }).message).toBe(`[${text}]`);
    }),
  );
  const [longer, tiny] = ['0.1234567890123456789012', '1e-400'];
  expect(parsed(parseJsonExact(`{"message":[${longer},${tiny}]}`)).message).toBe(
    '[0.12345678901234568,0]',
  );
});

test('any JSON value survives as a message', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (message) => {
      fc.pre(message !== '');
      const result = parseLogEvent({ message }, defaults);
      fc.pre(result.kind !== 'inexact');
      if (result.kind !== 'event') throw new Error(JSON.stringify(result));
      const { event } = result;
      // Compared as JSON, which has no negative zero of its own to come back with.
      if (event.isJson) expect(event.message).toBe(JSON.stringify(message));
      else expect(event.message).toBe((message as string).toWellFormed());
    }),
  );
});

test('a lone surrogate becomes the replacement character, since no encoder can send it', () => {
  expect(parsed({ message: 'a\ud800b' }).message).toBe('a\ufffdb');
});

test('times are read in every ISO form that carries a zone', () => {
  const at = (time: unknown) => parsed({ message: 'm', time }).timeMs;
  expect(at('2026-11-20T10:00Z')).toBe(Date.UTC(2026, 10, 20, 10));
  expect(at('2026-11-20T10:00:00.123456789Z')).toBe(Date.UTC(2026, 10, 20, 10, 0, 0, 123));
  expect(at('2026-11-20T10:00:00,5+0100')).toBe(Date.UTC(2026, 10, 20, 9, 0, 0, 500));
  expect(at('2024-02-29T00:00:00-02:00')).toBe(Date.UTC(2024, 1, 29, 2));
  expect(at(LOG_EVENT.timeMsMin)).toBe(LOG_EVENT.timeMsMin);
  expect(at(LOG_EVENT.timeMsMax)).toBe(LOG_EVENT.timeMsMax);
});

test("a request's own type and scope are checked like a log event's", () => {
  expect(parseDefaults({ type: 'audit', scope: 'a/b' })).toEqual({ type: 'audit', scope: 'a/b' });
  expect(parseDefaults({})).toEqual({ type: undefined, scope: undefined });
  expect(parseDefaults({ type: 'no slug' })).toMatchObject({ code: 'event.type_invalid' });
  expect(parseDefaults({ scope: '' })).toMatchObject({ code: 'event.scope_invalid' });
});

test("a message's JSON is the same whether it is cut from its line or written anew", () => {
  const piece = fc.constantFrom(
    'a',
    'é',
    '😀',
    '"',
    '\\',
    '\n',
    '"message":"',
    '","message":"',
    'x'.repeat(20),
  );
  const text = fc.array(piece, { minLength: 1 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, text, (message, other) => {
      // Whatever else stands in the line, before it or after it, and even the same field twice: the last one counts.
      const lines = [
        JSON.stringify({ message }),
        JSON.stringify({ scope: other, message }),
        JSON.stringify({ message, scope: other }),
        `{"message":${JSON.stringify(other)},"message":${JSON.stringify(message)}}`,
        `{ "message" : ${JSON.stringify(message)} }`,
        JSON.stringify({ message }).replaceAll('a', '\\u0061'),
      ];
      for (const line of lines) {
        const result = parseLogEvent(
          { message: (JSON.parse(line) as { message: string }).message },
          defaults,
          line,
        );
        if (result.kind !== 'event') throw new Error(JSON.stringify(result));
        expect(JSON.parse(result.event.json)).toBe(message);
      }
    }),
  );
});
