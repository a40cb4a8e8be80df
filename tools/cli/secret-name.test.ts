import * as fc from 'fast-check';
import { secretName } from './secret-name';

test.each([
  [['acme', 'logs'], 'SECRET', 'ACME__LOGS__SECRET'],
  [['acme-corp', 'auth0-cloudwatch'], 'SECRET', 'ACME_CORP__AUTH0_CLOUDWATCH__SECRET'],
  [['acme', 'project/web'], 'AWS_SECRET_KEY', 'ACME__PROJECT___WEB__AWS_SECRET_KEY'],
  [['acme'], 'AWS_SECRET_KEY', 'ACME__AWS_SECRET_KEY'],
  [['3m', 'logs'], 'SECRET', '_3M__LOGS__SECRET'],
  [['acme', 'a.b'], 'URL', 'ACME__A_B____2E7336DC__URL'],
])('%j has its %s as %s', (ids, what, name) => {
  expect(secretName(ids, what)).toBe(name);
});

test('ids that differ in a single sign have names of their own', () => {
  const ids = ['a-b', 'a.b', 'a_b', 'A-b', 'a--b', 'a/b', 'ab', '-a-b', 'a-b-'];
  expect(new Set(ids.map((id) => secretName(['acme', id], 'SECRET'))).size).toBe(ids.length);
});

test('no two places have one name, and every name is one of the environment', () => {
  const id = fc.stringMatching(/^[aB1._/-]{1,4}$/);
  const place = fc.record({
    ids: fc.array(id, { minLength: 1, maxLength: 2 }),
    what: fc.constantFrom('SECRET', 'URL', 'SIGNING_SECRET', 'CLIENT_SECRET', 'AWS_SECRET_KEY'),
  });
  fc.assert(
    fc.property(place, place, (a, b) => {
      const [one, other] = [secretName(a.ids, a.what), secretName(b.ids, b.what)];
      expect(one).toMatch(/^[A-Z_][A-Z0-9_]*$/);
      expect(one === other).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 500 },
  );
});
