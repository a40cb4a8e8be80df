import type { PolicyStatement } from './permission-policy';
import type { AccountSetup } from './account-setup';
import { issuerName } from './trust-policy';

// What differs between customers is a parameter, and what differs between installations stands in the template: so a platform puts one
// template for each kind of credentials where CloudFormation finds it, and a link fills it in.

type Parameters = Record<string, string>;

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  RoleName: 'The role that Logferry assumes',
  RolePath: 'The path of the role in IAM',
  MakeRole: 'false, if the role is there already: then it is given the policy only',
  MakeProvider: 'false, if the account trusts the issuer already: there is one provider for each',
  Subject: 'Whom the identity token must be for: it tells you from other customers',
  ExternalId: 'What Logferry must show: it tells you from other customers',
  UserName: 'The user that Logferry writes as',
  MaxSessionSeconds: 'How long a session may last at most',
  PolicyName: 'The name of the inline policy',
  WriteActions: 'What Logferry may do',
  WriteResources: 'What Logferry may do it with',
  KeyActions: 'What Logferry may do with the KMS key, if there is one',
  KeyArn: 'The KMS key, if there is one',
  KeyAlias: 'The alias that the key is named by, if it is',
};

const LISTS = ['WriteActions', 'WriteResources', 'KeyActions'];
const FLAGS = ['MakeRole', 'MakeProvider'];

/**
 * An account's set-up as a CloudFormation template, in JSON.
 *
 * @param isFilledIn whether the parameters stand in it as their defaults; else a link has to say them
 */
export function setupCloudFormation(setup: AccountSetup, { isFilledIn = true } = {}): string {
  const parameters = stackParameters(setup);
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Lets Logferry deliver logs into this account',
    Parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [
        name,
        parameter(name, isFilledIn || FLAGS.includes(name) ? value : undefined),
      ]),
    ),
    Conditions: {
      HasKey: { 'Fn::Not': [equals('KeyArn', '')] },
      HasAlias: { 'Fn::Not': [equals('KeyAlias', '')] },
      ...('MakeRole' in parameters ? { MakesRole: equals('MakeRole', 'true') } : {}),
      ...('MakeProvider' in parameters ? { MakesProvider: equals('MakeProvider', 'true') } : {}),
    },
    Resources: resources(setup),
    // A template for all has nothing of one customer's.
    ...(isFilledIn && setup.resourcePolicies.length > 0 ? { Outputs: outputs(setup) } : {}),
  };
  return `${JSON.stringify(template, null, 2)}\n`;
}

/** What a link fills in. A comma separates CloudFormation's lists and cannot be escaped: IAM takes `?` for any one character. */
export function stackParameters({ identity, policyName, permissions }: AccountSetup): Parameters {
  const [write, key] = permissions.Statement;
  const list = (texts: readonly string[] = []): string =>
    texts.map((text) => text.replaceAll(',', '?')).join(',');
  return {
    ...identityParameters(identity),
    PolicyName: policyName,
    WriteActions: list(write?.Action),
    WriteResources: list(write?.Resource),
    KeyActions: list(key?.Action),
    KeyArn: key?.Resource[0] ?? '',
    KeyAlias: key?.Condition?.['ForAnyValue:StringEquals']?.['kms:ResourceAliases'] ?? '',
  };
}

function identityParameters(identity: AccountSetup['identity']): Parameters {
  if (identity.kind === 'user') return { UserName: identity.name };
  const { name, path, maxSessionSeconds, trust } = identity;
  return {
    RoleName: name,
    RolePath: path,
    MaxSessionSeconds: String(maxSessionSeconds),
    MakeRole: 'true',
    ...(trust.kind === 'web_identity'
      ? { Subject: trust.subject, MakeProvider: 'true' }
      : { ExternalId: trust.externalId }),
  };
}

const CONSOLES: Readonly<Record<string, string>> = {
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
  'aws-eusc': 'console.amazonaws-eusc.eu',
};

/**
 * A link that opens CloudFormation with everything filled in.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
 *
 * @param templateUrl where S3 has the template; `{kind}` in it becomes the kind of credentials
 */
export function quickCreateUrl(setup: AccountSetup, templateUrl: string): string {
  const { region, partition, identity, policyName } = setup;
  const kind = identity.kind === 'user' ? 'access_key' : identity.trust.kind;
  const query = new URLSearchParams({
    templateURL: templateUrl.replaceAll('{kind}', kind),
    stackName: policyName.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 128),
  });
  for (const [name, value] of Object.entries(stackParameters(setup))) {
    if (value !== '') query.set(`param_${name}`, value);
  }
  const host = CONSOLES[partition] ?? 'console.aws.amazon.com';
  // The fragment is read by a page that takes a plus for a plus.
  const text = query.toString().replaceAll('+', '%20');
  return `https://${region}.${host}/cloudformation/home?region=${region}#/stacks/quickcreate?${text}`;
}

const ref = (name: string): object => ({ Ref: name });
const equals = (name: string, text: string): object => ({ 'Fn::Equals': [ref(name), text] });
const onlyIf = (condition: string, value: object): object => ({
  'Fn::If': [condition, value, ref('AWS::NoValue')],
});

function parameter(name: string, value: string | undefined): object {
  const mayBeEmpty = name.startsWith('Key');
  const standard = value ?? (mayBeEmpty ? '' : undefined);
  return {
    Type: LISTS.includes(name) ? 'CommaDelimitedList' : 'String',
    Description: DESCRIPTIONS[name],
    ...(FLAGS.includes(name) ? { AllowedValues: ['true', 'false'] } : {}),
    ...(standard === undefined ? {} : { Default: standard }),
  };
}

function resources({ identity }: AccountSetup): Record<string, object> {
  const policy = {
    PolicyName: ref('PolicyName'),
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        allow('Write', ref('WriteActions'), ref('WriteResources')),
        onlyIf('HasKey', {
          ...allow('UseKmsKey', ref('KeyActions'), ref('KeyArn')),
          Condition: onlyIf('HasAlias', {
            'ForAnyValue:StringEquals': { 'kms:ResourceAliases': ref('KeyAlias') },
          }),
        }),
      ],
    },
  };
  if (identity.kind === 'user') {
    return {
      User: {
        Type: 'AWS::IAM::User',
        Properties: { UserName: ref('UserName'), Policies: [policy] },
      },
    };
  }
  const { trust, trustPolicy } = identity;
  return {
    ...(trust.kind === 'web_identity' ? { Provider: provider(trust) } : {}),
    Role: {
      Type: 'AWS::IAM::Role',
      Condition: 'MakesRole',
      ...(trust.kind === 'web_identity' ? { DependsOn: 'Provider' } : {}),
      Properties: {
        RoleName: ref('RoleName'),
        Path: ref('RolePath'),
        MaxSessionDuration: ref('MaxSessionSeconds'),
        AssumeRolePolicyDocument: {
          Version: trustPolicy.Version,
          Statement: trustPolicy.Statement.map((statement) => ({
            ...statement,
            ...(trust.kind === 'web_identity' ? anyAccount(trust) : {}),
            Condition: { StringEquals: conditions(statement.Condition.StringEquals) },
          })),
        },
      },
    },
    Policy: {
      Type: 'AWS::IAM::RolePolicy',
      DependsOn: 'Role',
      Properties: { RoleName: ref('RoleName'), ...policy },
    },
  };
}

/** What belongs to a key or to a bucket that is there already is only shown: CloudFormation can add nothing to its policy. */
function outputs({ resourcePolicies }: AccountSetup): Record<string, object> {
  return Object.fromEntries(
    resourcePolicies.map(({ on, resource, statement }) => [
      on === 'kms_key' ? 'AddToKeyPolicy' : 'AddToBucketPolicy',
      {
        Description: `To be added to the policy of the ${on === 'kms_key' ? 'KMS key' : 'bucket'} ${resource}`,
        Value: JSON.stringify(statement),
      },
    ]),
  );
}

function allow(Sid: string, Action: object, Resource: object): object {
  const effect: PolicyStatement['Effect'] = 'Allow';
  return { Sid, Effect: effect, Action, Resource };
}

function provider({ issuerUrl, audience }: { issuerUrl: string; audience: string }): object {
  return {
    Type: 'AWS::IAM::OIDCProvider',
    Condition: 'MakesProvider',
    Properties: { Url: `https://${issuerName(issuerUrl)}`, ClientIdList: [audience] },
  };
}

/** The template is the same in every account. */
function anyAccount({ issuerUrl }: { issuerUrl: string }): object {
  const name = issuerName(issuerUrl);
  const arn = `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:oidc-provider/${name}`;
  return { Principal: { Federated: { 'Fn::Sub': arn } } };
}

/** What tells a customer from others is a parameter. */
function conditions(texts: Record<string, string>): Record<string, string | object> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      if (name.endsWith(':sub')) return [name, ref('Subject')];
      return [name, name === 'sts:ExternalId' ? ref('ExternalId') : text];
    }),
  );
}
