// npm run apply -- FILE: makes the store's tenants, destinations and keys those of a file.
import { ConfigStore } from '@logferry/store';
import { Redis } from 'ioredis';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Misuse, MISUSE_EXIT_CODE, misuseLine } from './misuse';
import { applyTenantsFile, TenantsFile } from './tenants-file';

const HELP = `Writes tenants, their destinations and keys into Logferry's store, and takes them out again.

  npm run apply -- FILE [--redis URL]

FILE is JSON, or - for standard input; an example is tools/samples/tenants.json:

  {
    "tenants": [{ "id": "acme", "name": "Acme", "destinations": [ … ], "remove": ["archive"] }],
    "keys": [{ "name": "acme-ci", "tenant": "acme" }, { "name": "platform" }],
    "revoke": ["0123456789ab"]
  }

tenants   Those that are there already are written over, and so are their destinations. What the file does not name stays.
  remove  Destinations of the tenant that shall be no more, by their ids. What waits for one is held, not deleted: it goes on when
          there is a destination with that id again.
keys      One with a tenant is for that tenant, one without for all. A key is shown once, when it is made; one with a name
          and tenant that is there already keeps its text. "scopes" says what it may: ["send"] unless given; "read" and "admin" are
          for the console's API. "logEventsPerSecond" and "bytesPerSecond" are its own rate, 0 for none; what a key does not say
          itself, LOGFERRY_INGEST_KEY_… says.
revoke    Keys that shall be good for nothing, by their ids: the twelve digits after lf_ in a key. This is done before keys are
          made, so one file may revoke a key and make a new one with its name.

Running processes see changes within a second. Every field of a destination: docs/reference/destinations.md

  --redis URL   where Redis is (default: $REDIS_URL, else redis://127.0.0.1:6379)

Exit code: 0 if all of it was written, 1 if not, 2 if the command makes no sense.
`;

const REDIS_MS = 5_000;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h', default: false }, redis: { type: 'string' } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined) throw new Misuse('FILE is missing');
  if (more.length > 0) throw new Misuse(`one file at a time, not also ${more.join(' ')}`);
  if (file !== '-' && !existsSync(file)) throw new Misuse(`there is no file ${file}`);
  const parsed = TenantsFile.safeParse(readJson(file));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `  - ${path.join('.')}: ${message}`,
    );
    process.stderr.write(
      `${file} is not usable, and nothing was written:\n${problems.join('\n')}\n`,
    );
    return 1;
  }
  const redis = await connect(values.redis ?? process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  try {
    await applyTenantsFile(new ConfigStore(redis), parsed.data, (line) =>
      process.stdout.write(`${line}\n`),
    );
  } finally {
    redis.disconnect();
  }
  return 0;
}

/** A Redis that answers, or one sentence that says that it does not: nobody waits in front of a command that tries again and again. */
async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: REDIS_MS,
    commandTimeout: REDIS_MS,
    disconnectTimeout: 100, // it would keep an ended command running for two seconds
    retryStrategy: () => null,
  });
  let reason = '';
  redis.on('error', (error: Error) => (reason = `: ${error.message}`));
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    const shown = url.replace(/:[^:@/]*@/, ':…@');
    throw new Error(
      `No Redis answers at ${shown}${reason}. Nothing was written; --redis or REDIS_URL names another.`,
      { cause: error },
    );
  }
}

function readJson(file: string): unknown {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is not JSON: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const misuse = misuseLine(error, 'npm run apply --');
    process.stderr.write(misuse ?? `${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = misuse === undefined ? 1 : MISUSE_EXIT_CODE;
  },
);
