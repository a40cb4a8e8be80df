// The policies of the guide are what the console prints, word for word: nobody may paste something else than what is tested.
import { accountSetup, type AccountSetup } from '@logferry/aws';
import { Destination } from '@logferry/core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLogferryFile } from './cli/logferry-file';

const WORDS: Readonly<Record<string, string>> = {
  ACCOUNT_ID: '123456789012',
  REGION: 'eu-central-1',
  ISSUER: 'oidc.logs.example.com',
  TENANT_ID: 'acme',
  BUCKET: 'acme-logs',
};

const guide = readFileSync(join(__dirname, '..', 'docs', 'guides', 'connect-aws.md'), 'utf8');
const filledIn = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]*)\`\`\``, 'g'))].map(([, text = '']) =>
    Object.entries(WORDS).reduce((all, [word, value]) => all.replaceAll(word, value), text),
  );
const policies = filledIn('json').map((text) => JSON.parse(text) as { Statement: object[] });

function setupOf(over: object): AccountSetup {
  const roleArn = 'arn:aws:iam::123456789012:role/logferry';
  const destination = Destination.parse({
    id: 'logs',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn },
    ...over,
  });
  const issuerUrl = 'https://oidc.logs.example.com';
  const platform = { issuerUrl, principalArn: undefined, hasSessionTags: false };
  const setup = accountSetup('acme', destination, platform);
  if ('problem' in setup) throw new Error(setup.problem);
  return setup;
}

/** A Sid says nothing, and one resource is as good as a list of one. */
const withoutSids = ({ Statement }: { Statement: readonly object[] }): object[] =>
  Statement.map((statement) =>
    Object.fromEntries(
      Object.entries(statement)
        .filter(([name]) => name !== 'Sid')
        .map(([name, value]) => [name, name === 'Resource' ? [value].flat() : (value as unknown)]),
    ),
  );

test('its file is one that npx logferry apply takes', () => {
  const files = filledIn('yaml').map(readLogferryFile);
  expect(files).toHaveLength(1);
  expect(files).toMatchObject([{ file: { tenants: [{ id: 'acme' }] } }]);
});

test('its three policies are those that are printed', () => {
  const { identity, permissions } = setupOf({ type: 'cloudwatch', preset: 'env0' });
  const s3 = { bucket: 'acme-logs', objectBytesMax: 64 * 1024 * 1024 };
  const objects = setupOf({ type: 's3', s3 }).permissions;
  const printed = [
    identity.kind === 'role' ? identity.trustPolicy : undefined,
    permissions,
    objects,
  ];
  expect(policies.map(withoutSids)).toEqual(
    printed.map((document) => document && withoutSids(document)),
  );
});
