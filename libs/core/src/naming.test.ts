import fc from 'fast-check';
import { logGroupName, logStreamName } from './naming';

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
