// The sandbox's command line: reads the arguments and the seed file, and says in one sentence what is wrong with them.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { InvalidSeed } from './seed';
import type { SandboxSeed } from './seed';
import { startSandboxAws } from './start-sandbox-aws';
import type { SandboxAws, SandboxAwsOptions } from './start-sandbox-aws';

export const HELP = `Sandbox AWS: CloudWatch Logs, STS and S3 on this machine, refusing what AWS refuses.

Usage: sandbox-aws [options]

  --port N          the port to listen on (4566; 0 takes a free one)
  --host ADDRESS    the address to listen on (127.0.0.1)
  --allow-remote    allow an address other machines can reach: they can then read everything
  --hostname NAME   a name under which bucket.NAME is taken as virtual-host style; may be repeated
  --seed FILE       a JSON file with accounts, OIDC providers, roles, users, buckets, log groups and faults
  --keep-mib N      how much of events and objects to keep before the oldest are dropped (256)
  --help            this text

Point the AWS SDK at it with AWS_ENDPOINT_URL, and open its address in a browser to see what arrives.
`;

/** The user's mistake, told in one sentence: no stack trace belongs under it. */
export class UsageError extends Error {}

export interface CommandLine {
  readonly isHelpWanted: boolean;
  readonly options: SandboxAwsOptions;
}

export async function readCommandLine(args: readonly string[]): Promise<CommandLine> {
  const values = parse(args);
  if (values.help === true) return { isHelpWanted: true, options: {} };
  const seed = values.seed === undefined ? undefined : await readSeedFile(values.seed);
  const keptMib = readNumber('--keep-mib', values['keep-mib'], 65_536);
  const port = readNumber('--port', values.port, 65_535);
  return {
    isHelpWanted: false,
    options: {
      isRemoteAllowed: values['allow-remote'] === true,
      ...(values.host === undefined ? {} : { host: values.host }),
      ...(values.hostname === undefined ? {} : { hostnames: values.hostname }),
      ...(port === undefined ? {} : { port }),
      ...(keptMib === undefined ? {} : { keptBytesMax: keptMib * 1024 ** 2 }),
      ...(seed === undefined ? {} : { seed }),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        port: { type: 'string' },
        host: { type: 'string' },
        hostname: { type: 'string', multiple: true },
        seed: { type: 'string' },
        'allow-remote': { type: 'boolean' },
        'keep-mib': { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} See --help.`);
  }
}

function readNumber(name: string, text: string | undefined, highest: number): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/u.test(text) || Number(text) > highest) {
    throw new UsageError(`${name} ${text} is not a whole number from 0 to ${String(highest)}.`);
  }
  return Number(text);
}

async function readSeedFile(path: string): Promise<SandboxSeed> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`The seed file ${path} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return JSON.parse(text) as SandboxSeed;
  } catch (error) {
    throw new UsageError(`The seed file ${path} is not JSON: ${(error as Error).message}.`);
  }
}

/** Starts the sandbox, turning what a user can get wrong into one sentence. */
export async function startFromCommandLine(options: SandboxAwsOptions): Promise<SandboxAws> {
  try {
    return await startSandboxAws(options);
  } catch (error) {
    if (error instanceof InvalidSeed) {
      throw new UsageError(`The seed is wrong: ${error.message.replaceAll('\n', '; ')}.`);
    }
    const { code, message } = error as NodeJS.ErrnoException;
    const place = `${options.host ?? '127.0.0.1'}:${String(options.port ?? 4566)}`;
    if (code === 'EADDRINUSE') {
      throw new UsageError(
        `Something else is listening on ${place}: stop it or choose another --port.`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new UsageError(`The sandbox cannot listen on ${place}: ${message}.`);
    }
    if (message.includes('remote access')) throw new UsageError(`${message} Add --allow-remote.`);
    throw error;
  }
}
