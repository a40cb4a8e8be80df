import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Misuse } from '../misuse';
import { applyChanges, type Applied } from './apply-changes';
import { assertWanted, openSession, readArgs, named, type Command } from './command';
import type { ConsoleProblem } from './console-client';
import { readInstallation, type ListOfTenant } from './installation';
import { readLogferryFile, type FileProblem, type ReadFile } from './logferry-file';
import { planChanges, type Change } from './plan';
import { planText, titleOf } from './plan-text';
import type { Terminal } from './terminal';

const CHANGES = 2;

export const applyCommand: Command = {
  name: 'apply',
  summary: 'makes tenants, destinations, variables, channels, sources and keys those of a file',
  help: `  npx logferry apply -f FILE [--dry-run | --yes]

Shows what would be changed, asks, and does it. A second time there is nothing to change. FILE is YAML or JSON, or - for standard
input:

  tenants:
    - id: acme
      name: Acme
      destinations:
        - id: logs
          type: cloudwatch
          preset: env0
          region: eu-central-1
          credentials:
            kind: access_key
            accessKeyId: AKIAIOSFODNN7EXAMPLE
            secretAccessKey: \${ENV:ACME_SECRET}
      scopes:
        - scope: project/web
          variables:
            ENV0_S3_LOG_BUCKET_NAME: acme-web-logs
      channels:
        - id: ops
          kind: slack
          url: \${ENV:ACME_SLACK_URL}
      sources:
        - id: auth0
          type: auth0
          domain: acme.eu.auth0.com
          clientId: AaiyAPdpYdesoKnqjj8HJqRn4T5titww
          clientSecret: \${ENV:ACME_CLIENT_SECRET}
      keys:
        - name: acme-ci
  keys:
    - name: platform
      scopes: [send]

The fields of a destination: docs/reference/destinations.md. A secret is never written into the file: \${ENV:NAME} stands for a
variable of the environment and \${FILE:path} for a file, as seen from FILE. It is asked for when a destination is made or its
accessKeyId changes. A key is told once, when it is made; the file has its name. The keys under "keys" are the platform's.

"scopes" are variables (docs/guides/variables.md), all that is set at each scope; '' is the tenant itself. A "region" beside them is
where what is of the scope runs. The secret of AWS_ACCESS_KEY_ID, AWS_SECRET_KEY, stands in it as \${ENV:NAME} or \${FILE:path} too.

The fields of "channels" and "sources" are those that the API takes: the page at /docs of the console has them. The secrets of a
channel are its url and, of a webhook, its signingSecret; they are asked for when it is made, or its kind or its "host" changes. That
of a source is its clientSecret, asked for when it is made, or its domain or its clientId changes. A webhook whose address is written
without a signingSecret gets a new one, which is told once. No source is written while a destination of its tenant is refused.

Nothing is deleted unless you say so. Each write is of what was read: what somebody else changes meanwhile is not written over.

  -f, --file FILE    the file
  --dry-run          only shows what would be changed: exit code 0 if nothing, 2 if something
  --yes              does it without asking
  --prune            deletes what is not in the file: of each list that the file has, the destinations, scopes, channels, sources
                     and keys that it does not name; a source with its checkpoint and its runs. What has no list in the file
                     stays. The key that you use is never revoked
  --prune-tenants    deletes the tenants that are not in the file
  --force            deletes although log events wait: they are held until there is a destination with the same id again
  --again            makes tenants again that were deleted: for the same customers only, since their roles trust the id, and what waits
                     for it is given to whoever has that
  --resend-secrets   writes all secrets anew: a secret cannot be read, so a wrong one is not noticed
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      file: { type: 'string', short: 'f' },
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      prune: { type: 'boolean', default: false },
      'prune-tenants': { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      'resend-secrets': { type: 'boolean', default: false },
    });
    named(positionals);
    const { file } = values;
    if (file === undefined) throw new Misuse('--file is missing');
    const text = readText(file);
    const session = openSession(values);
    const { terminal, console } = session;
    const read = readLogferryFile(text);
    if ('problems' in read) return refuse(terminal, file, read.problems);
    const there = await readInstallation(console, {
      destinations: inTenantsWith('destinations', read),
      scopes: inTenantsWith('scopes', read),
      channels: inTenantsWith('channels', read),
      sources: inTenantsWith('sources', read),
    });
    const { changes, problems } = planChanges(read, there, {
      folder: file === '-' ? process.cwd() : dirname(resolve(file)),
      prune: values.prune,
      pruneTenants: values['prune-tenants'],
      resendSecrets: values['resend-secrets'],
      ownKeyId: console.keyId,
    });
    if (problems.length > 0) return refuse(terminal, file, problems);
    if (!terminal.isJson) terminal.line(planText(changes, terminal));
    if (values['dry-run'] || changes.length === 0) {
      if (terminal.isJson) terminal.json({ changes: changes.map(shown), applied: false });
      return changes.length === 0 ? 0 : CHANGES;
    }
    if (!(await assertWanted(terminal, values.yes, 'Do this?'))) {
      terminal.note('Nothing was changed.');
      return 1;
    }
    const done: Applied[] = [];
    const how = { isForced: values.force, isAgain: values.again };
    for await (const one of applyChanges(console, changes, how)) {
      done.push(one);
      tell(terminal, one);
    }
    return end(terminal, done, changes.length);
  },
};

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch {
    throw new Misuse(`there is no file ${file} that can be read`);
  }
}

/** What has no list in the file is not looked at. */
function inTenantsWith(list: ListOfTenant, { file }: ReadFile) {
  const having = file.tenants.filter((tenant) => tenant[list] !== undefined);
  const ids = new Set(having.map(({ id }) => id));
  return (id: string): boolean => ids.has(id);
}

function refuse(terminal: Terminal, file: string, problems: readonly FileProblem[]): number {
  if (terminal.isJson) terminal.json({ applied: false, problems });
  const name = file === '-' ? 'standard input' : file;
  for (const { line, path, message } of problems)
    terminal.note(`${name}${line === undefined ? '' : `:${line}`}: ${path}: ${message}`);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  terminal.note(`Nothing was written: ${count}.`);
  return 1;
}

function tell(terminal: Terminal, { change, problem, ...once }: Applied): void {
  if (problem !== undefined) {
    terminal.note(terminal.style('red', `${titleOf(change)}: ${why(problem)}`));
    for (const { path, message } of problem.problems) terminal.note(`  - ${path}: ${message}`);
    return;
  }
  if (terminal.isJson) return;
  terminal.line(`${titleOf(change)}: ${DONE[change.action]}`);
  const { key, signingSecret, remarks = [] } = once;
  if (key !== undefined) terminal.line(`  shown this once: ${key}`);
  if (signingSecret !== undefined)
    terminal.line(`  its signing secret, shown this once: ${signingSecret}`);
  for (const remark of remarks) terminal.line(`  ${remark}`);
}

const DONE = { create: 'made', change: 'changed', delete: 'deleted' } as const;

function why({ code, message }: ConsoleProblem): string {
  if (code === 'config.version_conflict')
    return 'somebody else has changed it since it was read, and it was not written over; apply again to see how it is now';
  return `${message} (${code})`;
}

function end(terminal: Terminal, done: readonly Applied[], all: number): number {
  const written = done.filter(({ problem }) => problem === undefined).length;
  if (terminal.isJson)
    terminal.json({
      changes: done.map(({ change, problem, ...told }) => ({
        ...shown(change),
        ...told,
        ...(problem === undefined ? {} : { problem: problemView(problem) }),
      })),
      applied: written === all,
    });
  else terminal.line(`${written} of ${all} written.`);
  return written === all ? 0 : 1;
}

function problemView({ code, message, details }: ConsoleProblem): object {
  return { code, message, ...details };
}

function shown({ to: _, ...change }: Change): object {
  return change;
}
