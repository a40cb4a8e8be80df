import { DESTINATIONS_MAX } from '@logferry/core';
import { readLogferryFile } from './logferry-file';

const aDestination = (id: string) => ({
  id,
  type: 'cloudwatch',
  preset: 'env0',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
});

function problemsOf(file: object): string[] {
  const read = readLogferryFile(JSON.stringify(file));
  return 'problems' in read ? read.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

const withDestinations = (...ids: string[]) => ({
  tenants: [{ id: 'acme', destinations: ids.map(aDestination) }],
});
const many = (count: number) => Array.from({ length: count }, (_, i) => `d-${i}`);

test('a tenant may have as many destinations as there are places, and not one more', () => {
  expect(problemsOf(withDestinations(...many(DESTINATIONS_MAX)))).toEqual([]);
  expect(problemsOf(withDestinations(...many(DESTINATIONS_MAX + 1)))).toEqual([
    expect.stringContaining('$.tenants[0].destinations: '),
  ]);
});

test('a destination that variables make is not written here', () => {
  expect(problemsOf(withDestinations('vars.env0-cloudwatch.tenant'))).toEqual([
    '$.tenants[0].destinations[0].id: vars.env0-cloudwatch.tenant is an id of a destination that variables make',
  ]);
});
