import { accountOf, type Destination } from '@logferry/core';
import { permissionPolicy, POLICY_CHARS_MAX, type PolicyDocument } from './permission-policy';

/** AWS packs what a session carries in a way that it does not tell; a policy of half the size is tried where that was too much. */
const CHARS = [POLICY_CHARS_MAX.session, POLICY_CHARS_MAX.session / 2] as const;

/**
 * What narrows a session to its destination, whatever else the role may do: the inline policies to try, the narrower first.
 *
 * Types that the filter lists are left out: what was accepted before the filter was changed is still to be written.
 *
 * @param stray what is to be written to that the destination's present names do not cover
 */
export function sessionPolicies(
  tenantId: string,
  destination: Destination,
  stray: string | undefined,
): string[] {
  const shape = { ...destination, filter: { ...destination.filter, types: undefined } };
  const written = stray === undefined ? shape : strayed(shape, stray);
  const owner = { tenantId, account: accountOf(destination) ?? '*' };
  const added = viaS3(destination);
  const room = JSON.stringify(added).length;
  const policies = CHARS.map((charsMax): PolicyDocument => {
    const { Version, Statement } = permissionPolicy(written, owner, charsMax - room);
    return { Version, Statement: [...Statement, ...added] };
  });
  return [...new Set(policies.map((policy) => JSON.stringify(policy)))];
}

/** The destination as if it had the one name. */
function strayed(destination: Destination, stray: string): Destination {
  if (destination.type === 'cloudwatch') {
    const cloudwatch = { ...destination.cloudwatch, logGroup: stray, logGroupPrefix: '' };
    return { ...destination, preset: undefined, cloudwatch };
  }
  const s3 = { ...destination.s3, path: '', key: `${stray}{batch}` };
  return { ...destination, preset: undefined, s3 };
}

/**
 * A bucket may encrypt with a key of its own by default, which nobody has told us: the role may use it through S3 if the tenant has
 * allowed that, and the session must not forbid it.
 */
function viaS3(destination: Destination): PolicyDocument['Statement'] {
  if (destination.type !== 's3') return [];
  return [
    {
      Sid: 'UseKeysOfS3',
      Effect: 'Allow',
      Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
      Resource: ['*'],
      // In whichever Region the bucket turns out to be.
      Condition: { StringLike: { 'kms:ViaService': 's3.*' } },
    },
  ];
}
