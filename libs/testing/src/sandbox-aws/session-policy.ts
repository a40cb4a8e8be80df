import { deflateRawSync } from 'node:zlib';
import { AwsError } from './aws-error';
import type { Policy } from './iam-policy';
import { MalformedPolicy, parsePolicy } from './iam-policy';
import { STS } from './limits';

export interface PackedSession {
  readonly policy: Policy | undefined;
  /** Undefined where there is nothing to pack; AWS then leaves the field out. */
  readonly packedPolicySizePercent: number | undefined;
}

/** AWS packs policy and tags into a binary form it does not document; deflate against the same 2,048 stands in for it. */
export function packSession(
  policyText: string | undefined,
  tags: ReadonlyMap<string, string>,
): PackedSession {
  if (policyText === undefined && tags.size === 0) {
    return { policy: undefined, packedPolicySizePercent: undefined };
  }
  const packed = deflateRawSync(JSON.stringify([policyText ?? '', [...tags]]));
  const percent = Math.ceil((packed.length * 100) / STS.sessionPolicyLengthMax);
  if (percent > 100 || (policyText?.length ?? 0) > STS.sessionPolicyLengthMax) {
    const shown = Math.max(percent, 101);
    throw new AwsError(
      'PackedPolicyTooLarge',
      `Packed policy consumes ${String(shown)}% of allotted space, please use smaller policy.`,
    );
  }
  return { policy: parseSessionPolicy(policyText), packedPolicySizePercent: percent };
}

function parseSessionPolicy(policyText: string | undefined): Policy | undefined {
  if (policyText === undefined) return undefined;
  try {
    return parsePolicy(policyText, 'session');
  } catch (error) {
    if (error instanceof MalformedPolicy) {
      throw new AwsError('MalformedPolicyDocument', error.message);
    }
    throw error;
  }
}
