import { oneOf } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { path } from './console-client';

const FORMATS = ['json', 'terraform', 'cloudformation', 'cloudformation-template', 'commands'];

export const policyCommand: Command = {
  name: 'policy',
  summary: 'prints what a customer has to set up in their AWS account, ready to paste',
  help: `  npx logferry policy TENANT DESTINATION [--format FORMAT]

The role with its trust policy, and the least permissions that the destination needs, with everything filled in.

  --format FORMAT  json, terraform, cloudformation, cloudformation-template (with parameters, for quick-create links) or commands,
                   of the AWS command line (default: commands)
`,
  async run(args) {
    const { values, positionals } = readArgs(args, { format: { type: 'string' } });
    const [tenant = '', destination = ''] = named(positionals, 'TENANT', 'DESTINATION');
    const given = values.format ?? (values.json ? 'json' : 'commands');
    const format = oneOf('--format', given, FORMATS);
    const { terminal, console } = openSession(values);
    const address = path`/v1/tenants/${tenant}/destinations/${destination}/policy`;
    const text = await console.text(address, { query: { format } });
    // What the console sends is for programs: nobody pastes a line of 4,000 characters.
    if (format === 'commands' || format === 'terraform') terminal.line(text.trimEnd());
    else terminal.line(JSON.stringify(JSON.parse(text), null, 2));
    return 0;
  },
};
