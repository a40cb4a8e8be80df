import { Destination } from './destination';
import { strayTarget } from './stray-target';

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };
const base = { region: 'eu-central-1', credentials };
const cw = (cloudwatch: object): Destination =>
  Destination.parse({ id: 'cw', type: 'cloudwatch', ...base, cloudwatch });
const s3 = (over: object): Destination =>
  Destination.parse({ id: 's3', type: 's3', ...base, s3: { bucket: 'acme-logs', ...over } });

const group = (logGroup: string) => ({ sink: 'cloudwatch', logGroup, logStream: 's' }) as const;
const key = (text: string) =>
  ({ sink: 's3', bucket: 'acme-logs', key: text, keyTime: 'event', compression: 'none' }) as const;

test.each([
  ['of/{type}', 'of/audit', undefined],
  ['of/{type}', 'for/audit', 'for/audit'],
  ['of/{type}/x', 'of/audit/x', undefined],
  ['of/{type}/x', 'of/audit/y', 'of/audit/y'],
  ['of/{type}/x', 'of/x', 'of/x'],
  ['plain', 'plain', undefined],
  ['plain', 'plainer', 'plainer'],
])('with the log group %j, a batch for %j strays to %j', (logGroup, name, stray) => {
  const destination = cw({ logGroup, logStream: 's' });
  expect(strayTarget('acme', destination, group(name))).toBe(stray);
});

test('a key under another path strays, and is told up to where it varies', () => {
  const destination = s3({ path: 'new', key: '{type}/{batch}.log' });
  expect(strayTarget('acme', destination, key('new/audit/{batch}.log'))).toBeUndefined();
  expect(strayTarget('acme', destination, key('old/audit/{batch}.log'))).toBe('old/audit/');
});
