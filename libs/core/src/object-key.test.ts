import fc from 'fast-check';
import { laneFinder } from './lane';
import { Destination } from './destination';
import { S3 } from './limits';
import type { LogEvent } from './log-event';
import { keyProblem, laneKeys, objectKey, type KeyOptions } from './object-key';

const facts = {
  tenant: 'acme',
  destination: 's3',
  type: 'deployment',
  logType: 'env0-deployments',
  scope: 'project/web',
};
const at = Date.UTC(2026, 0, 5, 7, 8, 9, 999);

function options(over: Partial<KeyOptions> = {}): KeyOptions {
  return { path: '', keyTime: 'event', compression: 'none', ...over };
}

const keyOf = (over: Partial<KeyOptions>, of = facts): string =>
  objectKey(laneKeys(options(over)).render(of, at), at, 'b1', 0);

test('a key is exactly as env zero documents it, in UTC', () => {
  expect(keyOf({ path: 'exports' })).toMatch(
    /^exports\/env0-deployments\/2026\/01\/05\/07:08:09_[a-z0-9]{5}\.log$/,
  );
});

test.each([
  ['', 'env0-deployments'],
  ['/', 'env0-deployments'],
  ['env0-deployments', 'env0-deployments'],
  ['logs', 'logs/env0-deployments'],
  ['/logs//prod/', 'logs/prod/env0-deployments'],
])('the path %j gives the folder %s once and without stray slashes', (path, folder) => {
  expect(keyOf({ path }).split('/2026/')[0]).toBe(folder);
});

test.each([
  [{ compression: 'gzip' }, /_[a-z0-9]{5}\.log\.gz$/],
  [{ compression: 'zstd' }, /_[a-z0-9]{5}\.log\.zst$/],
  [{ key: '{chars}.json.gz', compression: 'gzip' }, /^[a-z0-9]{5}\.json\.gz$/],
] as const)('what is compressed says so at the end of its key, once: %j', (over, form) => {
  expect(keyOf(over)).toMatch(form);
});

test('a template is filled in with what the lane, the time and the batch are', () => {
  const key =
    '{tenant}/{destination}/{type}/{scope}/dt={yyyy}-{MM}-{dd}/hour={HH}/{mm}{ss}-{batch}.ndjson';
  expect(keyOf({ key, path: 'x' })).toBe(
    'x/acme/s3/deployment/project/web/dt=2026-01-05/hour=07/0809-b1.ndjson',
  );
});

test('the same batch always has the same key, and the next candidate another', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('{chars}', '{batch}', '{yyyy}/{chars}-{batch}'),
      fc.stringMatching(/^[a-z0-9-]{1,30}$/),
      fc.nat(1_000),
      (key, batchId, candidate) => {
        const pattern = laneKeys(options({ key })).render(facts, at);
        const first = objectKey(pattern, at, batchId, candidate);
        expect(objectKey(pattern, at, batchId, candidate)).toBe(first);
        expect(objectKey(pattern, at, batchId, candidate + 1)).not.toBe(first);
      },
    ),
  );
});

test('ten thousand batches of one second share hardly any key', () => {
  const keys = new Set(
    Array.from({ length: 10_000 }, (_, i) => objectKey('{chars}', 0, `01k-${i}`, 0)),
  );
  expect(keys.size).toBeGreaterThan(9_990); // chance alone gives about one pair among 36^5 names
});

test.each([
  ['{year}/{chars}', '{year} is not a variable'],
  ['{attributes.x}/{chars}', 'is not a variable'],
  ['a}b/{chars}', 'may hold letters'],
  ['a b/{chars}', 'may hold letters'],
  ['/a/{chars}', 'must not begin or end'],
  ['a/{chars}/', 'must not begin or end'],
  ['a//{chars}', 'may be empty'],
  ['a/../{chars}', 'may be empty, . or ..'],
  ['./{chars}', 'may be empty, . or ..'],
  ['{yyyy}/{HH}.log', 'must have {chars} or {batch}'],
  ['{batch}/x.log', 'must have {chars} or {batch}'],
  ['{HH}/{mm}/{chars}', 'an hour at least'],
])('the key %j is refused when it is saved: %s', (key, problem) => {
  expect(keyProblem(options({ key }))).toContain(problem);
});

test('a minute may name a folder by delivery time', () => {
  expect(keyProblem(options({ key: '{HH}/{mm}/{chars}', keyTime: 'delivery' }))).toBeUndefined();
});

test('by delivery time nothing of the key depends on the log events', () => {
  const keys = laneKeys(options({ keyTime: 'delivery' }));
  expect(keys.render(facts, 0)).toBe(keys.render(facts, at));
  expect(objectKey(keys.render(facts, 0), at, 'b1', 0)).toBe(keyOf({}));
});

test('a key that could become longer than S3 takes is refused, and one that cannot is not', () => {
  const longest = { ...facts, tenant: 'x'.repeat(64), scope: 'é'.repeat(512) };
  const withKey = (chars: number) =>
    options({ path: 'p', key: `${'k'.repeat(chars)}/{tenant}/{scope}/{chars}` });
  const room = S3.keyBytesMax - 'p/'.length - '//'.length - 64 - 1 - 512 - 5;
  expect(keyProblem(withKey(room))).toBeUndefined();
  expect(keyProblem(withKey(room + 1))).toContain('1025 bytes');
  const key = objectKey(laneKeys(withKey(room)).render(longest, at), at, 'b', 0);
  expect(Buffer.byteLength(key)).toBe(S3.keyBytesMax);
});

test('whatever a scope holds, it climbs out of no folder and names no variable', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('..', '../..', '/', '//a/./b', '{yyyy}', '{batch}', '{'),
      ),
      (scope) => {
        const key = keyOf({ path: 'top', key: 'a/{scope}/{chars}' }, { ...facts, scope });
        expect(key).toMatch(/^top\/a\/[\w!*'().=:,/-]+\/[a-z0-9]{5}$/);
        expect(key.split('/').every((part) => !/^\.{0,2}$/.test(part))).toBe(true);
      },
    ),
  );
});

const HOUR_MS = 3_600_000;

function aLogEvent(timeMs: number): LogEvent {
  const nothing = { id: undefined, level: undefined, scope: undefined, attributes: undefined };
  return { type: 'audit', timeMs, message: 'm', isJson: false, json: '"m"', ...nothing };
}

function lanes(s3: object): (timeMs: number) => string {
  const find = laneFinder(
    'acme',
    Destination.parse({
      id: 's3',
      type: 's3',
      region: 'eu-central-1',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      s3: { bucket: 'acme-logs', ...s3 },
    }),
  );
  return (timeMs) => find(aLogEvent(timeMs)).id;
}

test.each([
  ['hour', '{yyyy}/{dd}/{HH}/{chars}', HOUR_MS],
  ['day', '{yyyy}-{dd}/{HH}-{chars}', 24 * HOUR_MS],
])('log events of one %s share a lane, and those of the next do not', (_, key, periodMs) => {
  const laneOf = lanes({ key });
  const start = Math.floor(at / periodMs) * periodMs;
  expect(laneOf(start + periodMs - 1)).toBe(laneOf(start));
  expect(laneOf(start - 1)).not.toBe(laneOf(start));
  expect(laneOf(start + periodMs)).not.toBe(laneOf(start));
});

test('without a date in its folders, or by delivery time, a lane is for all times', () => {
  for (const s3 of [{ key: 'a/{HH}-{chars}' }, { keyTime: 'delivery' }]) {
    const laneOf = lanes(s3);
    expect(laneOf(at)).toBe(laneOf(at + 400 * 24 * HOUR_MS));
  }
});
