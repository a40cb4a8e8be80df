import fc from 'fast-check';
import type { LogEvent } from './log-event';
import { MASK, Redaction, redactionOf } from './redaction';

const hash = (text: string): string => `#${text}`;

function aLogEvent(message: unknown, attributes?: Record<string, string>): LogEvent {
  const isJson = typeof message !== 'string';
  const text = isJson ? JSON.stringify(message) : message;
  return {
    type: 'audit',
    timeMs: 1,
    message: text,
    isJson,
    json: JSON.stringify(message),
    id: 'id-1',
    level: 'info',
    scope: 'a/b',
    attributes,
  };
}

function redact(rules: object[], event: LogEvent, key: typeof hash | undefined = hash): LogEvent {
  const redaction = redactionOf({ redact: Redaction.parse(rules) }, key);
  if (redaction === undefined) throw new Error('there are rules');
  return redaction(event);
}

const redacted = (rules: object[], message: unknown): unknown => {
  const left = redact(rules, aLogEvent(message));
  expect(left.json).toBe(left.isJson ? left.message : JSON.stringify(left.message));
  return left.isJson ? JSON.parse(left.message) : left.message;
};

test('a destination that redacts nothing has nothing to do', () => {
  expect(redactionOf({ redact: [] }, hash)).toBeUndefined();
});

test.each<[string, object, Record<string, string>]>([
  ['dropped', { action: 'drop' }, { team: 'core' }],
  ['masked', { action: 'mask' }, { team: 'core', user: MASK }],
  ['hashed', { action: 'hash' }, { team: 'core', user: '#ann' }],
])('an attribute is %s, and everything else stays', (_, how, attributes) => {
  const event = aLogEvent('text', { team: 'core', user: 'ann' });
  const rules = [
    { field: 'attributes.user', ...how },
    { field: 'attributes.none', ...how },
  ];
  expect(redact(rules, event)).toEqual({ ...event, attributes });
  expect(event.attributes).toEqual({ team: 'core', user: 'ann' });
});

const message = {
  user: { email: 'ann@example.com', age: 42, tags: ['a', 'b'] },
  'user.email': 'flat',
  items: [{ token: 't1' }, { token: { deep: 't2' } }, 'none'],
  '*': 'star',
};

test.each<[string, string, unknown]>([
  ['message.user.email', 'mask', { ...message, user: { ...message.user, email: MASK } }],
  ['message.user.age', 'hash', { ...message, user: { ...message.user, age: '#42' } }],
  ['message.user', 'hash', { ...message, user: `#${JSON.stringify(message.user)}` }],
  ['message.user.tags.0', 'drop', { ...message, user: { ...message.user, tags: [null, 'b'] } }],
  ['message.user\\.email', 'mask', { ...message, 'user.email': MASK }],
  ['message.\\*', 'mask', { ...message, '*': MASK }],
  [
    'message.items.*.token',
    'mask',
    { ...message, items: [{ token: MASK }, { token: MASK }, 'none'] },
  ],
  ['message.**.token', 'drop', { ...message, items: [{}, {}, 'none'] }],
  [
    'message.**.deep',
    'hash',
    { ...message, items: [{ token: 't1' }, { token: { deep: '#t2' } }, 'none'] },
  ],
  ['message.none.at.all', 'drop', message],
  ['message.user.email.length', 'drop', message],
  ['message.constructor', 'drop', message],
])('%s is %sed', (field, action, left) => {
  expect(redacted([{ field, action }], message)).toEqual(left);
  expect(
    JSON.parse(redacted([{ field, action }], ` ${JSON.stringify(message)}`) as string),
  ).toEqual(left);
});

test.each([
  ['a member that stands there twice', '{"a":{"password":"x"},"a":1}', '{"a":1}'],
  ['a name that is written otherwise', '{"p\\u0061ssword":"x"}', '{"password":"***"}'],
  [
    'a name that objects have of themselves',
    '{"__proto__":{"password":"x"}}',
    '{"__proto__":{"password":"***"}}',
  ],
  [
    'numbers that a double does not hold',
    '{"id":12345678901234567890,"password":98765432109876543210}',
    '{"id":12345678901234567890,"password":"***"}',
  ],
  ['a text that is no JSON', '{"password":"x"', '{"password":"x"'],
  ['a log line in brackets', '[2022-06-06] INFO', '[2022-06-06] INFO'],
])('%s', (_, text, left) => {
  expect(redacted([{ field: 'message.**.password', action: 'mask' }], text)).toBe(left);
});

test('what is nested so deeply that nobody looks to the bottom of it is masked whole', () => {
  const text = `${'['.repeat(100_000)}"secret"${']'.repeat(100_000)}`;
  expect(redacted([{ field: 'message.**.x', action: 'mask' }], text)).toBe(MASK);
});

test('patterns are looked for in text, in the strings of JSON and in attributes', () => {
  const rules = [
    { pattern: 'email', action: 'hash' },
    { pattern: 'ipv4', action: 'mask' },
  ];
  expect(redacted(rules, 'ann@example.com from 203.0.113.9')).toBe('#ann@example.com from ***');
  expect(redacted(rules, { to: ['x', 'ann@example.com'], n: 1, no: null })).toEqual({
    to: ['x', '#ann@example.com'],
    n: 1,
    no: null,
  });
  expect(redacted(rules, '{"at":"line\\nann@example.com"}')).toBe(
    '{"at":"line\\n#ann@example.com"}',
  );
  expect(redact(rules, aLogEvent('text', { from: '203.0.113.9' })).attributes).toEqual({
    from: MASK,
  });
});

test('without a key, what should be hashed is masked', () => {
  const rules = [
    { field: 'attributes.user', action: 'hash' },
    { field: 'message.user', action: 'hash' },
    { pattern: 'email', action: 'hash' },
  ];
  const redaction = redactionOf({ redact: Redaction.parse(rules) }, undefined);
  const left = redaction?.(aLogEvent({ user: 'ann', to: 'ann@example.com' }, { user: 'ann' }));
  expect(left).toMatchObject({ message: '{"user":"***","to":"***"}', attributes: { user: MASK } });
});

test('whatever a message is, a value that is masked anywhere by its name is nowhere in it', () => {
  const secret = 'S3CRET-S3CRET';
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6 }),
      fc.array(fc.string(), { maxLength: 4 }),
      fc.boolean(),
      (value, path, asText) => {
        const whole = path.reduce<unknown>((inner, name) => ({ [name]: inner, value }), {
          password: [secret],
        });
        const sent = asText ? JSON.stringify(whole) : whole;
        const left = redact([{ field: 'message.**.password', action: 'mask' }], aLogEvent(sent));
        expect(left.message + left.json).not.toContain(secret);
        expect(() => JSON.parse(left.message) as unknown).not.toThrow();
      },
    ),
  );
});

test('what a log event is told apart and routed by stays, whatever pattern would find it there', () => {
  const email = 'jane@example.com';
  const event = { ...aLogEvent(email), id: email, scope: email, level: email };
  const left = redact([{ pattern: 'email', action: 'mask' }], event);
  expect(left).toMatchObject({ message: MASK, id: email, scope: email, level: email });
});

test.each<[string, object, string]>([
  ...['id', 'scope', 'level', 'time'].map((field): [string, object, string] => [
    `the ${field}`,
    { field, action: 'mask' },
    'must be attributes.NAME, or',
  ]),
  ['no field', { action: 'mask' }, 'exactly one of field and pattern'],
  ['both', { field: 'attributes.a', pattern: 'email', action: 'mask' }, 'exactly one of'],
  ['a field of another kind', { field: 'type', action: 'mask' }, 'must be attributes.NAME, or'],
  ['the message itself', { field: 'message', action: 'drop' }, 'must be attributes.NAME, or'],
  ['no name of an attribute', { field: 'attributes.', action: 'drop' }, '1 to 64 characters'],
  ['an empty part', { field: 'message.a..b', action: 'drop' }, 'no part of it may be empty'],
  ['no part', { field: 'message.', action: 'drop' }, 'no part of it may be empty'],
  ['9 parts', { field: 'message.1.2.3.4.5.6.7.8.9', action: 'drop' }, '8 parts at most'],
  ['two stars later on', { field: 'message.a.**.b', action: 'drop' }, 'at the beginning'],
  ['two stars alone', { field: 'message.**', action: 'drop' }, 'needs a name'],
  ['a star in a name', { field: 'message.user*', action: 'drop' }, 'for a whole name'],
  ['a backslash before a letter', { field: 'message.a\\b', action: 'drop' }, 'a backslash'],
  ['a backslash at the end', { field: 'message.a\\', action: 'drop' }, 'a backslash'],
  ['a pattern of its own', { pattern: '(a+)+$', action: 'mask' }, 'Invalid option'],
  ['a pattern that is dropped', { pattern: 'email', action: 'drop' }, 'masked or hashed'],
  ['no action', { field: 'attributes.a' }, 'Invalid option'],
])('a rule with %s is refused', (_, rule, problem) => {
  const { error } = Redaction.safeParse([rule]);
  expect(error?.issues.map(({ message }) => message).join('\n')).toContain(problem);
});

test.each([
  [50, true],
  [51, false],
])('%d rules are taken: %s', (count, taken) => {
  const rules = Array.from({ length: count }, () => ({ field: 'attributes.a', action: 'drop' }));
  expect(Redaction.safeParse(rules).success).toBe(taken);
});
