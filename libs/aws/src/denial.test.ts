import { Failure } from '@logferry/core';
import { readDenial } from './denial';

const user = 'arn:aws:sts::123456789012:assumed-role/logferry/logferry-acme';
const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab';
const read = (message: string) =>
  readDenial(new Failure('s3.access_denied', { cause: new Error(message) }));

test.each([
  [
    `User: ${user} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/k" because no identity-based policy allows the s3:PutObject action`,
    { action: 's3:PutObject', by: 'identity', isExplicit: false },
  ],
  [
    `User: ${user} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/k" with an explicit deny in a resource-based policy`,
    { action: 's3:PutObject', by: 'resource', isExplicit: true },
  ],
  [
    `User: ${user} is not authorized to perform: logs:PutLogEvents on resource: arn:x with an explicit deny in a service control policy`,
    { action: 'logs:PutLogEvents', by: 'organization', isExplicit: true },
  ],
  [
    `User: ${user} is not authorized to perform: logs:PutLogEvents on resource: arn:x because no permissions boundary allows the logs:PutLogEvents action`,
    { action: 'logs:PutLogEvents', by: 'permissions_boundary', isExplicit: false },
  ],
  [
    `User: ${user} is not authorized to perform: s3:PutObject on resource: "x" because no VPC endpoint policy allows the s3:PutObject action`,
    { action: 's3:PutObject', by: 'endpoint', isExplicit: false },
  ],
  [
    `User: ${user} is not authorized to perform: kms:GenerateDataKey on resource: ${keyArn} because no session policy allows the kms:GenerateDataKey action`,
    { action: 'kms:GenerateDataKey', by: 'session', isExplicit: false, keyArn },
  ],
  [
    'User with accountId: 123456789012 is not authorized to perform CreateLogGroup with Tags',
    { action: 'logs:TagResource', isExplicit: false },
  ],
  ['Access Denied', { isExplicit: false }],
])('of %j the facts are kept', (message, denial) => {
  expect(read(message)).toEqual(denial);
});

test('without an error of AWS there is nothing to read', () => {
  expect(readDenial(new Failure('s3.access_denied'))).toEqual({ isExplicit: false });
});

test("nothing of the words themselves comes along, whoever's they are", () => {
  const denial = read('is not authorized to perform: s3:<script>alert(1)</script> on resource: x');
  expect(JSON.stringify(denial)).not.toContain('script');
});
