import fc from 'fast-check';
import { Destination } from './destination';
import { overrideChooser } from './override';
import { Scope, scopesAbove } from './scope';

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };

const inCloudWatch = { type: 'cloudwatch', cloudwatch: { logGroup: 'g', logStream: 's' } };
const inS3 = { type: 's3', s3: { bucket: 'acme-logs' } };

const aDestination = (id: string, over: Record<string, unknown> = {}): Destination =>
  Destination.parse({
    id,
    preset: 'env0',
    region: 'eu-central-1',
    credentials,
    ...(over.type === undefined ? inCloudWatch : {}),
    ...over,
  });

const overriding = (id: string, scope: string, over: Record<string, unknown> = {}): Destination =>
  aDestination(id, { override: { scope }, filter: { types: ['deployment'] }, ...over });

const all = [
  aDestination('own'),
  aDestination('own-s3', inS3),
  aDestination('other-preset', { preset: undefined }),
  overriding('web', 'project/web'),
  overriding('prod', 'project/web/environment/prod'),
  overriding('off', 'project/web/environment/dev', { enabled: false }),
];

const chosen = (type: string, scope?: string, from = all): string[] =>
  (overrideChooser(from)?.(type, scope) ?? []).map(({ id }) => id);

test.each<[type: string, scope: string | undefined, inPlaceOfOwn: string]>([
  ['deployment', undefined, 'own'],
  ['deployment', 'project/api', 'own'],
  ['deployment', 'project/website', 'own'],
  ['deployment', 'project', 'own'],
  ['deployment', 'project/web', 'web'],
  ['deployment', 'project/web/', 'web'],
  ['deployment', 'project/web/environment/staging', 'web'],
  ['deployment', 'project/web/environment/prod', 'prod'],
  ['deployment', `project/web/environment/prod/${'x/'.repeat(200)}`, 'prod'],
  ['deployment', 'project/web/environment/production', 'web'],
  ['deployment', 'project/web/environment/dev/x', 'off'],
  // What stands there for deployments only changes nothing for audits.
  ['audit', 'project/web/environment/prod', 'own'],
])('%s logs of %s go to %s', (type, scope, inPlaceOfOwn) => {
  expect(chosen(type, scope).sort()).toEqual(['other-preset', 'own-s3', inPlaceOfOwn].sort());
});

test('what is set for the tenant itself holds for log events without a scope too', () => {
  const from = [aDestination('own'), overriding('root', '')];
  expect(chosen('deployment', undefined, from)).toEqual(['root']);
  expect(chosen('deployment', 'a/b', from)).toEqual(['root']);
  expect(chosen('audit', 'a/b', from)).toEqual(['own']);
});

test('CloudWatch and S3 are overridden each by itself', () => {
  const from = [aDestination('own'), aDestination('own-s3', inS3), overriding('s3', 'a', inS3)];
  expect(chosen('deployment', 'a/b', from).sort()).toEqual(['own', 's3']);
});

test('where nothing is overridden there is nothing to choose', () => {
  expect(overrideChooser([aDestination('own')])).toBeUndefined();
  expect(overrideChooser([])).toBeUndefined();
});

test('only a destination with a preset can take the place of others', () => {
  const { error } = Destination.safeParse({
    ...aDestination('x'),
    preset: undefined,
    override: { scope: 'a' },
  });
  expect(error?.issues.map(({ path }) => path.join('.'))).toEqual(['override']);
});

const scopes = fc
  .array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 })
  .map((parts) => parts.join('/'));

test('whatever is set where, the nearest that is above a log event or is its scope has it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(scopes, { minLength: 1 }), scopes, (set, scope) => {
      const from = [aDestination('own'), ...set.map((at, i) => overriding(`at-${i}`, at))];
      const above = set.filter((at) => at === '' || `${scope}/`.startsWith(`${at}/`));
      const nearest = above.sort((a, b) => b.length - a.length)[0];
      const expected = nearest === undefined ? 'own' : `at-${set.indexOf(nearest)}`;
      expect(chosen('deployment', scope, from)).toEqual([expected]);
    }),
  );
});

test('above a scope are its parents, the nearest first, and the tenant', () => {
  expect([...scopesAbove('a/b/c')]).toEqual(['a/b/c', 'a/b', 'a', '']);
  expect([...scopesAbove('')]).toEqual(['']);
});

test.each([
  ['', true],
  ['a', true],
  ['a/b c/ü', true],
  ['/a', false],
  ['a/', false],
  ['a//b', false],
  ['a\nb', false],
  ['x'.repeat(512), true],
  ['x'.repeat(513), false],
])('%j is a scope: %s', (scope, is) => {
  expect(Scope.safeParse(scope).success).toBe(is);
});
