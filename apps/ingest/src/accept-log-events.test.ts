// What becomes of a request's log events. Redis is played by appenders that note what they are given, or refuse it.
import { shardOf } from '@logferry/core';
import { aLogEvent } from '@logferry/testing';
import { AcceptLogEvents, type Appender } from './accept-log-events';
import { accept, cloudWatch, nowMs, NotingAppender, s3, tenant } from './accept-log-events.testbed';
import { readBody } from './request-body';
import { Router } from './router';

test('a log event is written once for each destination that wants it', async () => {
  const noting = new NotingAppender();
  const record = tenant('acme', cloudWatch('cw'), s3('s3'), cloudWatch('off', { enabled: false }));
  const { verdict } = await accept({
    record,
    body: [{ message: 'one' }, { message: 'two', type: 'deployment' }],
    appenders: [noting],
  });
  expect(verdict).toEqual({ accepted: 2, rejected: [] });
  expect(noting.texts).toEqual({
    'acme/cw group-audit': [`{"timestamp":${nowMs},"message":"one"}`],
    'acme/cw group-deployment': [`{"timestamp":${nowMs},"message":"two"}`],
    'acme/s3 audit': ['{"time":"2026-11-21T10:48:00.000Z","type":"audit","message":"one"}'],
    'acme/s3 deployment': [
      '{"time":"2026-11-21T10:48:00.000Z","type":"deployment","message":"two"}',
    ],
  });
});

test('every refused log event is named by its place in the request, with its reason', async () => {
  const noting = new NotingAppender();
  const { verdict } = await accept({
    record: tenant('acme', s3('s3')),
    body: ['{"message":"a"}', 'not JSON', '', '{"message":""}', '[]', '{"message":"b"}', '{}'].join(
      '\n',
    ),
    appenders: [noting],
  });
  expect(verdict.accepted).toBe(2);
  expect(verdict.rejected.map(({ index, code }) => [index, code])).toEqual([
    [1, 'event.invalid_json'],
    [2, 'event.message_empty'],
    [3, 'event.not_an_object'],
    [5, 'event.message_missing'],
  ]);
  expect(noting.texts['acme/s3 audit']).toHaveLength(2);
});

test('a log event that no destination wants is accepted, and counted as filtered', async () => {
  const noting = new NotingAppender();
  const record = tenant('acme', s3('s3', { filter: { types: ['deployment'] } }));
  const body = [{ message: 'a' }, { message: 'b' }, { message: 'c', type: 'deployment' }];
  const { verdict } = await accept({ record, body, appenders: [noting] });
  expect(verdict).toEqual({ accepted: 3, rejected: [], filtered: 2 });
  expect(noting.filtered).toEqual({ acme: 2 });
  expect(Object.keys(noting.texts)).toEqual(['acme/s3 deployment']);
});

test('a tenant without destinations, or with none that is switched on, filters everything', async () => {
  for (const record of [tenant('acme'), tenant('acme', s3('s3', { enabled: false }))]) {
    const { verdict } = await accept({ record, body: [{ message: 'a' }] });
    expect(verdict).toEqual({ accepted: 1, rejected: [], filtered: 1 });
  }
});

test('a request with nothing in it is accepted, and nothing is written', async () => {
  const noting = new NotingAppender();
  expect((await accept({ record: tenant('acme'), body: [], appenders: [noting] })).verdict).toEqual(
    {
      accepted: 0,
      rejected: [],
    },
  );
  expect(noting.calls).toBe(0);
});

test('of mixed tenants, each log event goes to its own, and unknown ones are refused one by one', async () => {
  const noting = new NotingAppender();
  const { verdict, asked } = await accept({
    body: [
      { tenant: 'acme', message: 'a' },
      { tenant: 'nobody', message: 'b' },
      { message: 'c' },
      { tenant: 'globex', message: 'd' },
      { tenant: '', message: 'e' },
      { tenant: 'acme', message: 'f' },
    ],
    tenants: { acme: tenant('acme', s3('s3')), globex: tenant('globex', s3('s3')) },
    appenders: [noting],
  });
  expect(verdict.accepted).toBe(3);
  expect(verdict.rejected.map(({ index, code }) => [index, code])).toEqual([
    [1, 'event.tenant_unknown'],
    [2, 'event.tenant_missing'],
    [4, 'event.tenant_invalid'],
  ]);
  expect(noting.texts['acme/s3 audit']).toHaveLength(2);
  expect(noting.texts['globex/s3 audit']).toHaveLength(1);
  expect(asked.sort()).toEqual(['acme', 'globex', 'nobody']); // once each
});

test('where the address names the tenant, a log event may not name another', async () => {
  const { verdict } = await accept({
    record: tenant('acme', s3('s3')),
    body: [{ tenant: 'globex', message: 'a' }],
  });
  expect(verdict.rejected).toMatchObject([{ index: 0, code: 'event.unknown_field' }]);
});

/** A message that fits as itself, and is too large once the whole log event is around it. */
const LARGEST = 1_048_550;

test.each([
  ['message', LARGEST, true],
  ['message', LARGEST + 1, false],
  ['event', LARGEST, false],
])('in format %j a message of %d bytes fits as it is: %s', async (format, bytes, isTaken) => {
  const noting = new NotingAppender();
  const { verdict } = await accept({
    record: tenant('acme', cloudWatch('cw', { format, oversize: 'reject' })),
    body: [{ message: 'before' }, { message: 'x'.repeat(bytes) }, { message: 'after' }],
    appenders: [noting],
  });
  expect(verdict.accepted).toBe(isTaken ? 3 : 2);
  expect(verdict.rejected.map(({ index, code }) => [index, code])).toEqual(
    isTaken ? [] : [[1, 'event.message_too_large']],
  );
  expect(noting.texts['acme/cw group-audit']).toHaveLength(isTaken ? 3 : 2);
});

test('what does not fit goes in parts, unless its destination says otherwise', async () => {
  const noting = new NotingAppender();
  const { verdict } = await accept({
    record: tenant(
      'acme',
      cloudWatch('parts'),
      cloudWatch('cut', { oversize: 'truncate' }),
      s3('whole'),
    ),
    body: [{ message: 'x'.repeat(LARGEST + 1) }],
    appenders: [noting],
  });
  expect(verdict).toEqual({ accepted: 1, rejected: [] });
  const counts = Object.entries(noting.texts).map(([lane, texts]) => [
    lane.split(' ')[0],
    texts.length,
  ]);
  expect(Object.fromEntries(counts)).toEqual({ 'acme/parts': 2, 'acme/cut': 1, 'acme/whole': 1 });
});

test('a log event that one of its destinations cannot take goes to none of them', async () => {
  const noting = new NotingAppender();
  const { verdict } = await accept({
    record: tenant('acme', s3('s3'), cloudWatch('cw', { format: 'event', oversize: 'reject' })),
    body: [{ message: 'x'.repeat(LARGEST) }],
    appenders: [noting],
  });
  expect(verdict).toMatchObject({ accepted: 0, rejected: [{ index: 0 }] });
  expect(verdict.rejected[0]?.message).toContain('as cw formats it');
  expect(noting.texts).toEqual({});
});

const digits = '12345678901234567890';
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

const forms: [string, string, (events: string[]) => string][] = [
  ['NDJSON', 'application/x-ndjson', (events) => events.join('\n')],
  ['an array', 'application/json', (events) => `[${events.join(' ,\n')}]`],
];

test.each(forms)('numbers too long for a double keep their digits in %s', async (_, ...form) => {
  const [contentType, bodyOf] = form;
  const noting = new NotingAppender();
  const body = bodyOf(['{"message":"]\\",["}', `{"message":{"id":${digits}}}`, '{"message":[2]}']);
  await accept({ record: tenant('acme', s3('s3')), body, contentType, appenders: [noting] });
  expect(noting.texts['acme/s3 audit']?.map((text) => text.replace(/.*"message":/, ''))).toEqual([
    '"]\\",["}',
    `{"id":${digits}}}`,
    '[2]}',
  ]);
});

test.each(forms)(
  'in %s, what is nested too deep to be parsed again is refused alone',
  async (_, ...form) => {
    const [contentType, bodyOf] = form;
    const noting = new NotingAppender();
    const deep = nested(100_000);
    const body = bodyOf([
      `{"message":${deep}}`,
      `{"message":{"id":${digits}}}`,
      // JSON takes the last of two members of one name.
      `{"message":${deep},"message":${digits}}`,
      '{"message":"b"}',
    ]);
    const { verdict } = await accept({
      record: tenant('acme', s3('s3')),
      body,
      contentType,
      appenders: [noting],
    });
    expect(verdict.accepted).toBe(3);
    expect(verdict.rejected).toMatchObject([{ index: 0, code: 'event.message_too_deep' }]);
    const [first, second] = noting.texts['acme/s3 audit'] ?? [];
    expect(first).toContain(`"message":{"id":${digits}}`);
    expect(second).toContain(`"message":${digits}`);
  },
);

test('if one shard cannot be written, the request is not accepted', async () => {
  const shards = 4;
  const refuse: Appender = { append: () => Promise.reject(new Error('Redis is away')) };
  const refusing = shardOf('acme', 's3', shards);
  const appenders = Array.from({ length: shards }, (_, shard) =>
    shard === refusing ? refuse : new NotingAppender(),
  );
  const destinations = ['s3', 'a', 'b', 'c', 'd'].map((id) => s3(id));
  expect(new Set(destinations.map(({ id }) => shardOf('acme', id, shards))).size).toBeGreaterThan(
    1,
  );
  await expect(
    accept({ record: tenant('acme', ...destinations), body: [{ message: 'a' }], appenders }),
  ).rejects.toThrow('Redis is away');
});

test('nothing is accepted of a request whose tenants cannot be looked up', async () => {
  const noting = new NotingAppender();
  const accepting = new AcceptLogEvents([noting], new Router(), {
    findTenant: () => Promise.reject(new Error('Redis is away')),
    isFull: () => false,
  });
  const body = Buffer.from('{"tenant":"acme","message":"a"}');
  const values = readBody(body, 'application/json');
  await expect(
    accepting.run({
      values,
      record: undefined,
      defaults: { nowMs, type: 'a', tenantInEvent: true },
    }),
  ).rejects.toThrow('Redis is away');
  expect(noting.calls).toBe(0);
});

test('what is appended says how large it is, so that memory can be bounded', async () => {
  const noting = new NotingAppender();
  await accept({
    record: tenant('acme', cloudWatch('cw')),
    body: [{ message: 'x'.repeat(100) }, { message: 'x'.repeat(200) }],
    appenders: [noting],
  });
  expect(noting.bytes).toBe(300 + 2 * 26);
});

test("a tenant's destinations are prepared once for each version of its configuration", () => {
  const router = new Router();
  const record = tenant('acme', s3('s3'), s3('off', { enabled: false }));
  expect(router.routesOf(record)(aLogEvent())).toHaveLength(1);
  expect(router.routesOf(record)).toBe(router.routesOf(record));
  expect(router.routesOf(tenant('acme', s3('s3')))).not.toBe(router.routesOf(record));
});

describe('log events that scatter', () => {
  const DAY_MS = 86_400_000;
  const streams = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ message: 'm', attributes: { id: `${i}` } }));
  const days = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ message: 'm', time: nowMs - i * (DAY_MS + 1) }));
  const record = tenant(
    'acme',
    cloudWatch('cw', { cloudwatch: { logGroup: 'g', logStream: 's{attributes.id}' } }),
  );

  const batchLogEventsMax = 2;
  const inTwos = tenant(
    'acme',
    cloudWatch('cw', { cloudwatch: { logGroup: 'g', logStream: 's', batchLogEventsMax } }),
  );
  const twos = (count: number) => Array.from({ length: 2 * count }, () => ({ message: 'm' }));

  test.each([
    ['log streams', record, streams],
    ['days', record, days],
    ['calls of two log events', inTwos, twos],
  ])('are taken for 2,000 %s, and refused whole for more', async (_, record, body) => {
    const most = await accept({ record, body: body(2_000) });
    expect(most.verdict.accepted).toBe(body(2_000).length);
    const noting = new NotingAppender();
    await expect(accept({ record, body: body(2_001), appenders: [noting] })).rejects.toMatchObject({
      status: 413,
      code: 'request.too_scattered',
    });
    expect(noting.texts).toEqual({});
  });
});

test('of mixed tenants, one of whom something cannot be read is refused, and no other', async () => {
  const { verdict } = await accept({
    tenants: { acme: tenant('acme', s3('s3')), globex: 'unreadable' },
    body: ['acme', 'globex'].map((id) => ({ tenant: id, message: 'm' })),
  });
  expect(verdict.accepted).toBe(1);
  expect(verdict.rejected).toMatchObject([{ index: 1, code: 'event.tenant_unreadable' }]);
});

test('of mixed tenants, one that has too much waiting is refused, and no other', async () => {
  const tenants = { acme: tenant('acme', s3('s3')), globex: tenant('globex', s3('s3')) };
  const { verdict } = await accept({
    tenants,
    full: ['acme'],
    body: ['acme', 'globex', 'acme'].map((id) => ({ tenant: id, message: 'm' })),
  });
  expect(verdict.accepted).toBe(1);
  expect(verdict.rejected.map(({ index, code }) => [index, code])).toEqual([
    [0, 'event.tenant_backlog_full'],
    [2, 'event.tenant_backlog_full'],
  ]);
});

test('a repeated request is known as one only with the same verdict, or what was refused would be acknowledged', async () => {
  const tenants = { acme: tenant('acme', s3('s3')), globex: tenant('globex', s3('s3')) };
  const body = ['acme', 'globex'].map((id) => ({ tenant: id, message: 'm' }));
  const fingerprints: (string | undefined)[] = [];
  const noting: Appender = {
    append: ({ once }) => {
      fingerprints.push(once?.fingerprint);
      return Promise.resolve({ repeated: false, duplicates: 0 });
    },
  };
  const once = { token: 't', fingerprint: 'f', windowMs: 1_000 };
  for (const full of [['acme'], ['acme'], []])
    await accept({ tenants, full, body, once, appenders: [noting] });
  const [first, same, other] = fingerprints;
  expect(first).toBeDefined();
  expect(same).toBe(first);
  expect(other).not.toBe(first);
});

describe('at a destination that takes each id once', () => {
  const MIB = 1024 * 1024;
  const day = { deduplicateForMs: 86_400_000 };

  test('a request adds a log event once, one without an id always, and another destination has all', async () => {
    const noting = new NotingAppender();
    const ids = ['a', 'b', 'a', undefined, undefined];
    const { verdict } = await accept({
      record: tenant('acme', s3('once', day), s3('all')),
      body: ids.map((id) => ({ id, message: 'm' })),
      appenders: [noting],
    });
    expect(verdict).toEqual({ accepted: 5, rejected: [], duplicates: 1 });
    expect(noting.texts['acme/once audit']).toHaveLength(4);
    expect(noting.texts['acme/all audit']).toHaveLength(5);
  });

  test('the parts of one log event are one, and so are those of its duplicate', async () => {
    const noting = new NotingAppender();
    const event = { id: 'large', message: 'x'.repeat(2 * MIB) };
    const record = tenant('acme', cloudWatch('once', day));
    const { verdict } = await accept({ record, body: [event, event], appenders: [noting] });
    expect(verdict).toMatchObject({ accepted: 2, duplicates: 1 });
    expect(noting.texts['acme/once group-audit']).toHaveLength(3);
    expect(noting.marks).toHaveLength(1);
  });

  test('one id is another log event for each destination, tenant and nobody else', async () => {
    const noting = new NotingAppender();
    const tenants = {
      acme: tenant('acme', s3('a', day), s3('b', day)),
      globex: tenant('globex', s3('a', day)),
    };
    const body = ['acme', 'globex'].map((id) => ({ tenant: id, id: 'same', message: 'm' }));
    const { verdict } = await accept({ tenants, body, appenders: [noting] });
    expect(verdict.duplicates).toBeUndefined();
    expect(new Set(noting.marks).size).toBe(3);
  });

  test('of at most 20,000 ids, a request of one more is refused whole', async () => {
    const record = tenant('acme', s3('once', day));
    const events = (count: number) =>
      Array.from({ length: count }, (_, id) => ({ id: `${id}`, message: 'm' }));
    expect((await accept({ record, body: events(20_000) })).verdict.accepted).toBe(20_000);
    const noting = new NotingAppender();
    await expect(
      accept({ record, body: events(20_001), appenders: [noting] }),
    ).rejects.toMatchObject({ status: 413, code: 'request.too_many_ids' });
    expect(noting.texts).toEqual({});
  });
});
