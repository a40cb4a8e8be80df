// What a customer has to change so that a step passes that did not.
import {
  issuerName,
  neededActions,
  readDenial,
  statementFor,
  type AccountSetup,
  type Denial,
  type RoleSetup,
} from '@logferry/aws';
import type { Destination, Failure } from '@logferry/core';
import type { Remedy, Verdict } from './connection-step';

interface Situation {
  tenantId: string;
  destination: Destination;
  /** As far as it is known, or was found out. */
  account: string | undefined;
  /** As it would be printed; nothing where the platform is not set up for these credentials. */
  setup: AccountSetup | undefined;
}

type Trouble = Pick<Verdict, 'message' | 'missing' | 'remedies'>;

/** What a failure of a step means for whoever set the destination up. */
export function explainFailure(failure: Failure, situation: Situation): Verdict {
  const { code, publicMessage } = failure;
  const own = troubleOf(failure, situation);
  return { outcome: 'failed', code, message: publicMessage, ...own };
}

function troubleOf(failure: Failure, situation: Situation): Partial<Trouble> {
  const { setup, destination } = situation;
  switch (failure.code) {
    case 'credential.trust_denied':
      return setup?.identity.kind === 'role' ? trustTrouble(setup.identity, destination) : {};
    case 'credential.provider_missing':
      return { remedies: providerRemedy(setup) };
    case 'credential.duration_too_long':
      return destination.credentials.kind === 'access_key'
        ? {}
        : {
            message: `The role's maximum session duration is shorter than ${destination.credentials.sessionDurationSeconds} s. Raise the role's MaxSessionDuration to that, or lower the destination's sessionDurationSeconds: 3600 is always allowed.`,
          };
    case 'cloudwatch.kms_denied':
      return { remedies: resourceRemedies(setup, 'kms_key') };
    case 'cloudwatch.access_denied':
    case 'cloudwatch.group_options_denied':
    case 's3.access_denied':
    case 'kms.denied':
      return denialTrouble(readDenial(failure), situation);
    default:
      return {};
  }
}

function trustTrouble(
  { trust, trustPolicy }: RoleSetup,
  { credentials }: Destination,
): Partial<Trouble> {
  const roleArn = credentials.kind === 'access_key' ? '' : credentials.roleArn;
  const whom =
    trust.kind === 'web_identity'
      ? `the subject ${trust.subject} of the issuer ${issuerName(trust.issuerUrl)}, with the audience ${trust.audience}`
      : `${trust.principalArn} with the ExternalId ${trust.externalId}`;
  return {
    message: `AWS refused to let us assume ${roleArn}. Either there is no such role, or its trust policy does not trust ${whom}.`,
    remedies: [{ to: 'trust_policy', add: trustPolicy }],
  };
}

function denialTrouble(denial: Denial, situation: Situation): Partial<Trouble> {
  const { action, by, isExplicit } = denial;
  if (action === undefined) return untoldTrouble(situation);
  const what = `AWS refuses ${action}`;
  switch (by) {
    case 'organization':
      return {
        message: `${what} by a policy of the account's AWS Organization. Whoever manages the organization has to allow it; the ${granteeOf(situation)}'s own policy does not help.`,
      };
    case 'permissions_boundary':
      if (isExplicit)
        return {
          message: `${what} outright: the ${granteeOf(situation)}'s permissions boundary denies it. Change that Deny; the ${granteeOf(situation)}'s own policy does not help.`,
        };
      return {
        message: `${what} since the ${granteeOf(situation)}'s permissions boundary does not allow it. Widen the boundary; the ${granteeOf(situation)}'s own policy does not help.`,
        missing: [action],
      };
    case 'endpoint':
      return { message: `${what} by the policy of a VPC endpoint. Allow it there.` };
    case 'session':
      return {
        message: `${what} since our own session was narrowed to another target. Test again in a moment; if it stays so, tell the platform.`,
      };
    case 'resource':
      return resourceTrouble(denial, situation);
    case 'identity':
    case undefined:
      return isExplicit
        ? {
            message: `${what} outright: a policy of the ${granteeOf(situation)} denies it. Remove that Deny.`,
          }
        : identityTrouble(action, denial, situation);
  }
}

function identityTrouble(
  action: string,
  { keyArn }: Denial,
  situation: Situation,
): Partial<Trouble> {
  const { tenantId, destination, account = '*' } = situation;
  const grantee = granteeOf(situation);
  const owner = { tenantId, account };
  const isNeeded = neededActions(destination).some((needed) => needed.action === action);
  const printed = isNeeded ? statementFor(destination, owner, action) : undefined;
  // A key that the bucket's own settings name is none that the destination knows of.
  const statement =
    printed ??
    (keyArn === undefined
      ? undefined
      : { Sid: 'UseKmsKey', Effect: 'Allow', Action: [action], Resource: [keyArn] });
  const on = statement?.Resource.join(', ') ?? 'the target';
  return {
    message: `The ${grantee} may not ${action} on ${on}. Add that to its policy${keyArn === undefined ? '' : ", and see that the key's own policy leaves it to IAM"}.`,
    missing: [action],
    remedies: statement === undefined ? [] : [{ to: `${grantee}_policy`, add: statement }],
  };
}

function resourceTrouble(
  { action = '', isExplicit }: Denial,
  situation: Situation,
): Partial<Trouble> {
  const { setup } = situation;
  const isOfKey = action.startsWith('kms:');
  const whose = isOfKey ? "the KMS key's own policy" : "the bucket's own policy";
  return isExplicit
    ? {
        message: `AWS refuses ${action} outright: ${whose} denies it. The ${granteeOf(situation)}'s policy is not the problem: change the Deny.`,
      }
    : {
        message: `AWS refuses ${action}: ${whose} does not allow it, and what belongs to another account has to.`,
        missing: [action],
        remedies: resourceRemedies(setup, isOfKey ? 'kms_key' : 'bucket'),
      };
}

/** AWS says why to the account that a thing belongs to, and to no other. */
function untoldTrouble({ destination, account, setup }: Situation): Partial<Trouble> {
  if (destination.type !== 's3') return {};
  const { bucket, expectedBucketOwner } = destination.s3;
  const owner = expectedBucketOwner ?? account;
  return {
    message: `S3 refuses without saying why, as it does where a bucket belongs to another account: ${bucket} is not one of ${owner ?? 'the account of the access key'}, or its owner's policy does not let us in. If it is another account's on purpose, name that as expectedBucketOwner.`,
    remedies: resourceRemedies(setup, 'bucket'),
  };
}

/** Whose policies say what we may do. */
function granteeOf({ destination }: Situation): 'role' | 'user' {
  return destination.credentials.kind === 'access_key' ? 'user' : 'role';
}

function resourceRemedies(setup: AccountSetup | undefined, on: 'kms_key' | 'bucket'): Remedy[] {
  return (setup?.resourcePolicies ?? [])
    .filter((policy) => policy.on === on)
    .map(({ statement }) => ({
      to: on === 'kms_key' ? 'key_policy' : 'bucket_policy',
      add: statement,
    }));
}

function providerRemedy(setup: AccountSetup | undefined): Remedy[] {
  if (setup?.identity.kind !== 'role' || setup.identity.trust.kind !== 'web_identity') return [];
  const { issuerUrl, audience } = setup.identity.trust;
  return [{ to: 'identity_provider', add: { url: `https://${issuerName(issuerUrl)}`, audience } }];
}
