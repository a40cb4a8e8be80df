// The guide's policies are those that the sandbox account is set up with, so what customers paste is what the end-to-end tests run on.
import {
  customerAccount,
  logEventsPolicy,
  objectsPolicy,
  tenantTrustPolicy,
} from '@logferry/testing';
import { subjectOf, TOKEN_AUDIENCE } from '@logferry/core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const guide = readFileSync(join(__dirname, '..', 'docs', 'guides', 'connect-aws.md'), 'utf8');
const shown = [...guide.matchAll(/^```json\n([^]*?)^```/gm)].map(
  ([, json = '']) => JSON.parse(json) as unknown,
);

test('the guide shows the trust policy and the permissions of the sandbox account, and no other', () => {
  expect(shown).toEqual([
    tenantTrustPolicy('ACCOUNT_ID', 'https://ISSUER', 'TENANT_ID'),
    logEventsPolicy('ACCOUNT_ID', 'REGION', ['env0-*']),
    objectsPolicy('BUCKET'),
  ]);
});

test('an account that is set up by the guide is the one that the tests deliver to', () => {
  const { roles } = customerAccount({
    account: 'ACCOUNT_ID',
    region: 'REGION',
    issuerUrl: 'https://ISSUER',
    tenantId: 'TENANT_ID',
    roleArn: 'arn:aws:iam::ACCOUNT_ID:role/logferry',
    bucket: 'BUCKET',
    logGroups: ['env0-*'],
  });
  expect(roles?.flatMap(({ trustPolicy, policies }) => [trustPolicy, ...(policies ?? [])])).toEqual(
    shown,
  );
});

test('the trust policy asks for the subject and the audience that our tokens have', () => {
  expect(JSON.stringify(shown[0])).toContain(
    `{"ISSUER:sub":"${subjectOf('TENANT_ID')}","ISSUER:aud":"${TOKEN_AUDIENCE}"}`,
  );
});
