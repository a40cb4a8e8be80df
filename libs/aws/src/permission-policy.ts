// What a role must be allowed for a destination, and nothing else.
import {
  assert,
  keyPrefixes,
  logGroupPatterns,
  partitionOf,
  type Destination,
} from '@logferry/core';
import { neededActions, type ActionTarget, type NeededAction } from './call-actions';

export interface PolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string>>;
}

export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: PolicyStatement[];
}

/** Whose destination it is, and in which AWS account it lies; a star where nobody knows. */
export interface PolicyOwner {
  tenantId: string;
  account: string;
}

/** AWS counts a policy without its blanks. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const POLICY_CHARS_MAX = { role: 10_240, session: 2_048 } as const;

const SIDS: Readonly<Record<ActionTarget, string>> = {
  log_groups: 'WriteLogEvents',
  objects: 'WriteObjects',
  kms_key: 'UseKmsKey',
};

/**
 * What a role must be allowed. Names stand in it as narrow as they fit into `charsMax`: of each type of log event that the
 * destination's filter lists; else with a star where the type stands; else by their beginnings.
 */
export function permissionPolicy(
  destination: Destination,
  owner: PolicyOwner,
  charsMax: number = POLICY_CHARS_MAX.role,
): PolicyDocument {
  const documents = RESOURCE_WIDTHS.map((width) => documentOf(destination, owner, width));
  const fitting = documents.find((document) => JSON.stringify(document).length <= charsMax);
  assert(fitting !== undefined, 'a policy of beginnings fits everywhere');
  return fitting;
}

/** One action's part of the policy: what to add to a role that lacks it. */
export function statementFor(
  destination: Destination,
  owner: PolicyOwner,
  action: string,
): PolicyStatement | undefined {
  const statement = permissionPolicy(destination, owner).Statement.find(({ Action }) =>
    Action.includes(action),
  );
  return statement && { ...statement, Action: [action] };
}

type ResourceWidth = 'types' | 'names' | 'beginnings';
const RESOURCE_WIDTHS: readonly ResourceWidth[] = ['types', 'names', 'beginnings'];
/** Two of these, and all the actions, fit into a session's policy. */
const BEGINNING_CHARS = 64;

function documentOf(
  destination: Destination,
  owner: PolicyOwner,
  width: ResourceWidth,
): PolicyDocument {
  const needed = neededActions(destination);
  const targets = [...new Set(needed.map(({ on }) => on))];
  return {
    Version: '2012-10-17',
    Statement: targets.map((target) => ({
      Sid: SIDS[target],
      Effect: 'Allow',
      Action: actionsOn(target, needed),
      ...resourcesOf(target, destination, { owner, width }),
    })),
  };
}

function actionsOn(target: ActionTarget, needed: readonly NeededAction[]): string[] {
  return needed.filter(({ on }) => on === target).map(({ action }) => action);
}

function resourcesOf(
  target: ActionTarget,
  destination: Destination,
  { owner, width }: { owner: PolicyOwner; width: ResourceWidth },
): Pick<PolicyStatement, 'Resource' | 'Condition'> {
  const { tenantId, account } = owner;
  const partition = partitionOf(destination.region);
  const types = width === 'types' ? destination.filter.types : undefined;
  if (target === 'kms_key') return keyResource(destination, account);
  if (destination.type === 'cloudwatch') {
    const names = logGroupPatterns(tenantId, destination, types);
    const start = `arn:${partition}:logs:${destination.region}:${account}:log-group:`;
    const arns = shorten(names, width).map((name) => `${start}${name}`);
    // AWS asks about a group by its name alone or with `:log-stream:` behind it, by the call.
    return { Resource: arns.flatMap((arn) => [arn, `${arn}:*`]) };
  }
  const prefixes = keyPrefixes(tenantId, destination, types).map((key) => `${escaped(key)}*`);
  const start = `arn:${partition}:s3:::${destination.s3.bucket}/`;
  return { Resource: shorten(prefixes, width).map((prefix) => `${start}${prefix}`) };
}

function shorten(patterns: string[], width: ResourceWidth): string[] {
  if (width !== 'beginnings') return patterns;
  const short = patterns.map((pattern) =>
    pattern.length <= BEGINNING_CHARS
      ? pattern
      : `${pattern.slice(0, BEGINNING_CHARS).replace(CUT_VARIABLE, '')}*`,
  );
  return [...new Set(short)];
}

/** A key may hold a star that is one; IAM takes it for a wildcard unless it stands in a variable. */
function escaped(key: string): string {
  return key.replaceAll('*', '${*}');
}

/** What is left of such a variable where a name was cut through it. */
const CUT_VARIABLE = /\$(\{\*?)?$/;

/** KMS asks about the key itself. By which alias it was named, a condition says. */
function keyResource(
  destination: Destination,
  account: string,
): Pick<PolicyStatement, 'Resource' | 'Condition'> {
  const { kmsKeyId } = destination.type === 's3' ? destination.s3.encryption : {};
  assert(kmsKeyId !== undefined, 'only a destination with a key needs actions on it');
  const { region } = destination;
  const home = `arn:${partitionOf(region)}:kms:${region}:${account}`;
  const named = /^arn:/.test(kmsKeyId)
    ? kmsKeyId
    : `${home}:${kmsKeyId.startsWith('alias/') ? '' : 'key/'}${kmsKeyId}`;
  const [beginning, alias] = named.split(/:(?=alias\/)/);
  if (alias === undefined) return { Resource: [named] };
  return {
    Resource: [`${beginning}:key/*`],
    Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } },
  };
}
