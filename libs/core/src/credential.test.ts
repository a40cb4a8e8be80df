import { isCredentialFailure, sessionKey } from './credential';
import { Destination } from './destination';

test.each([
  ['credential.trust_denied', true],
  ['destination.missing', true],
  // Of a mistyped Region the broker hears first: it asks STS there.
  ['network.unknown_region', true],
  ['s3.access_denied', false],
  ['internal.fault', false],
] as const)('whether the broker may answer with %s: %s', (code, may) => {
  expect(isCredentialFailure(code)).toBe(may);
});

test('two destinations have the same session key exactly if their sessions are the same', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/logferry';
  const keyOf = (over: object): string =>
    sessionKey(
      Destination.parse({
        id: 's3',
        type: 's3',
        region: 'eu-central-1',
        credentials: { kind: 'web_identity', roleArn },
        s3: { bucket: 'acme-logs' },
        ...over,
      }),
    );
  for (const over of [{}, { enabled: false }, { s3: { bucket: 'acme-logs', lingerMs: 1 } }])
    expect(keyOf(over)).toBe(keyOf({}));
  for (const over of [
    { region: 'us-east-1' },
    { s3: { bucket: 'another' } },
    { s3: { bucket: 'acme-logs', path: 'of/acme' } },
    { credentials: { kind: 'web_identity', roleArn: `${roleArn}-2` } },
    { credentials: { kind: 'web_identity', roleArn, sessionDurationSeconds: 900 } },
  ])
    expect(keyOf(over)).not.toBe(keyOf({}));
});
