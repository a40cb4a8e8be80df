import fc from 'fast-check';
import { logGroupName, logStreamName, s3Key, s3Prefix } from './naming';

test('an S3 key is exactly as env zero documents it, in UTC', () => {
  const key = s3Key('exports/env0-deployments', Date.UTC(2026, 0, 5, 7, 8, 9, 999), 'b1', 0);
  expect(key).toMatch(/^exports\/env0-deployments\/2026\/01\/05\/07:08:09_[a-z0-9]{5}\.log$/);
});

test('the same batch always has the same key, and the next candidate another', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(1_000), (batchId, candidate) => {
      const key = s3Key('p', 0, batchId, candidate);
      expect(s3Key('p', 0, batchId, candidate)).toBe(key);
      expect(s3Key('p', 0, batchId, candidate + 1)).not.toBe(key);
    }),
  );
});

test('ten thousand batches of one second share hardly any key', () => {
  const keys = new Set(Array.from({ length: 10_000 }, (_, i) => s3Key('p', 0, `01k-${i}`, 0)));
  expect(keys.size).toBeGreaterThan(9_990); // chance alone gives about one pair among 36^5 names
});

test.each([
  ['', 'env0-audits', 'env0-audits'],
  ['/', 'env0-audits', 'env0-audits'],
  ['env0-audits', 'env0-audits', 'env0-audits'],
  ['logs', 'env0-audits', 'logs/env0-audits'],
  ['/logs//prod/', 'env0-audits', 'logs/prod/env0-audits'],
])('the path %j gives the prefix of %s once and without stray slashes', (path, type, prefix) => {
  expect(s3Prefix(path, type)).toBe(prefix);
});

test('whatever an attribute holds, the names are ones that CloudWatch takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      expect(logGroupName(text)).toMatch(/^(?!aws\/|AWS\/)[.\-_/#A-Za-z0-9]{1,512}$/);
      expect(logStreamName(text)).toMatch(/^[^:*]{1,512}$/u);
      expect(logStreamName(text).isWellFormed()).toBe(true);
    }),
  );
});

test('a valid name is left as it is', () => {
  expect(logGroupName('prod/env0-deployments')).toBe('prod/env0-deployments');
  expect(logStreamName('dep-42 (retry) é')).toBe('dep-42 (retry) é');
});

test.each([511, 512, 513])('a name of %d characters is cut to the 512 that AWS takes', (chars) => {
  const name = 'x'.repeat(chars);
  expect(logGroupName(name)).toBe(name.slice(0, 512));
  expect(logStreamName(name)).toBe(name.slice(0, 512));
  expect(logGroupName(`aws/${name}`)).toBe(`_aws/${name}`.slice(0, 512));
});

test.each(['aws/x', 'AWS/x', 'Aws/x'])(
  'the group %s is not one that AWS keeps for itself',
  (name) => {
    expect(logGroupName(name)).toBe(`_${name}`);
  },
);

test('a long name is never cut through a character', () => {
  for (const before of ['', 'x', 'xy']) {
    const name = logStreamName(before + '😀'.repeat(300));
    expect(name.isWellFormed()).toBe(true);
    expect(name.length).toBeGreaterThan(510);
    expect(name.length).toBeLessThanOrEqual(512);
  }
});
