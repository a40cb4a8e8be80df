import type { AccountSetup, RoleSetup } from './account-setup';
import { issuerName } from './trust-policy';

/** An account's set-up as Terraform. https://developer.hashicorp.com/terraform/language/syntax/configuration */
export function setupTerraform(setup: AccountSetup): string {
  const { identity, policyName, permissions } = setup;
  const owner = identity.kind;
  const blocks = identity.kind === 'role' ? roleBlocks(identity) : [userBlock(identity.name)];
  const policy = block(`aws_iam_${owner}_policy`, {
    name: policyName,
    [owner]: new Code(`aws_iam_${owner}.logferry.name`),
    policy: new Code(`jsonencode(${expression(permissions, 1)})`),
  });
  return `${[...blocks, policy, ...notes(setup)].join('\n')}`;
}

function roleBlocks({ name, path, maxSessionSeconds, trust, trustPolicy }: RoleSetup): string[] {
  const isByToken = trust.kind === 'web_identity';
  const provider = isByToken
    ? [
        '# An account has one provider for an issuer: where there is one already, leave out this block and depends_on.\n' +
          block('aws_iam_openid_connect_provider', {
            url: `https://${issuerName(trust.issuerUrl)}`,
            client_id_list: [trust.audience],
          }),
      ]
    : [];
  const role = block('aws_iam_role', {
    name,
    path,
    max_session_duration: maxSessionSeconds,
    assume_role_policy: new Code(`jsonencode(${expression(trustPolicy, 1)})`),
    ...(isByToken ? { depends_on: new Code('[aws_iam_openid_connect_provider.logferry]') } : {}),
  });
  return [...provider, role];
}

function userBlock(name: string): string {
  return (
    "# Make the access key by hand: Terraform would write its secret into the state's file.\n" +
    block('aws_iam_user', { name })
  );
}

/** What belongs to a key or to a bucket that is there already is only shown: Terraform would replace its whole policy. */
function notes({ resourcePolicies }: AccountSetup): string[] {
  return resourcePolicies.map(({ on, resource, statement }) => {
    const lines = JSON.stringify(statement, null, 2).split('\n');
    const what = on === 'kms_key' ? 'KMS key' : 'bucket';
    return [
      `# To be added to the policy of the ${what} ${resource}:`,
      ...lines.map((line) => `#   ${line}`),
      '',
    ].join('\n');
  });
}

/** Something that is written as it is. */
class Code {
  constructor(readonly text: string) {}
}

function block(type: string, fields: Record<string, unknown>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  const lines = Object.entries(fields).map(
    ([name, value]) => `  ${name.padEnd(width)} = ${expression(value, 1)}`,
  );
  return [`resource "${type}" "logferry" {`, ...lines, '}', ''].join('\n');
}

function expression(value: unknown, depth: number): string {
  const indent = '  '.repeat(depth + 1);
  const end = '  '.repeat(depth);
  if (value instanceof Code) return value.text;
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => `${indent}${expression(item, depth + 1)},`);
    return value.length < 2
      ? `[${value.map((item) => expression(item, depth)).join('')}]`
      : ['[', ...items, `${end}]`].join('\n');
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(
      ([name, field]) => `${indent}${quoted(name)} = ${expression(field, depth + 1)}`,
    );
    return ['{', ...fields, `${end}}`].join('\n');
  }
  return String(value);
}

/** HCL's own escapes are JSON's, and two more: what would begin a template, such as IAM's `${*}`, is doubled. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/[$%](?=\{)/g, '$&$&');
}
