import type { AccountSetup } from './account-setup';
import { issuerName } from './trust-policy';

/** An account's set-up as commands of the AWS CLI, for a POSIX shell. */
export function setupCommands(setup: AccountSetup): string {
  const { identity, policyName, permissions, resourcePolicies } = setup;
  const commands: string[] = [];
  if (identity.kind === 'user') {
    commands.push(
      command('create-user', { 'user-name': identity.name }),
      command('put-user-policy', {
        'user-name': identity.name,
        'policy-name': policyName,
        'policy-document': permissions,
      }),
      `# Shows the secret, this once:\n${command('create-access-key', { 'user-name': identity.name })}`,
    );
  } else {
    const { name, path, maxSessionSeconds, trust, trustPolicy } = identity;
    if (trust.kind === 'web_identity') {
      const provider = command('create-open-id-connect-provider', {
        url: `https://${issuerName(trust.issuerUrl)}`,
        'client-id-list': trust.audience,
      });
      commands.push(`# Once for each account; that it exists already is as good:\n${provider}`);
    }
    commands.push(
      command('create-role', {
        'role-name': name,
        path,
        'max-session-duration': String(maxSessionSeconds),
        'assume-role-policy-document': trustPolicy,
      }),
      command('put-role-policy', {
        'role-name': name,
        'policy-name': policyName,
        'policy-document': permissions,
      }),
    );
  }
  const notes = resourcePolicies.map(({ on, resource, statement }) =>
    [
      `To be added to the policy of the ${on === 'kms_key' ? 'KMS key' : 'bucket'} ${resource}:`,
      ...JSON.stringify(statement, null, 2).split('\n'),
    ]
      .map((line) => `# ${line}`)
      .join('\n'),
  );
  return `${[...commands, ...notes].join('\n\n')}\n`;
}

function command(name: string, options: Record<string, string | object>): string {
  const texts = Object.entries(options).map(([option, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
    return `  --${option} ${quoted(text)}`;
  });
  return [`aws iam ${name}`, ...texts].join(' \\\n');
}

/** Nothing has a meaning to a shell between these quotes but the quote itself, which keys of objects may hold. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
