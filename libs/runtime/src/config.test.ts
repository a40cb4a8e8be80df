import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from './config';
import { Secret } from './secret';
import {
  brokerClientSettings,
  choice,
  commonSettings,
  flag,
  integer,
  optionalSecret,
  redisSettings,
  secret,
  text,
  workerSettings,
} from './settings';

const PREFIX = 'LOGFERRY_INGEST_';
const settings = {
  name: text({ name: `${PREFIX}NAME`, description: 'A name.', example: 'harbour' }),
  town: text({ name: `${PREFIX}TOWN`, description: 'A town.' }, 'Genoa'),
  crew: integer(
    { name: `${PREFIX}CREW`, description: 'A number.' },
    { min: 2, max: 9, default: 5 },
  ),
  isOpen: flag({ name: `${PREFIX}OPEN`, description: 'A switch.' }, true),
  level: choice({ name: `${PREFIX}LEVEL`, description: 'One of some.' }, ['low', 'high'], 'low'),
  key: secret({ name: `${PREFIX}KEY`, description: 'A secret.' }),
  spare: optionalSecret({ name: `${PREFIX}SPARE`, description: 'Another secret.' }),
};
const SECRET = 'sixteen-chars-ok';
const keyless = { [`${PREFIX}NAME`]: 'ferry' };
const usable = { ...keyless, [`${PREFIX}KEY`]: SECRET };

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-config-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

const load = (environment: Record<string, string>) => loadConfig(settings, PREFIX, environment);

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

test('what is set is read, what is not set has its default, and nobody can change it afterwards', () => {
  const config = load({ ...usable, [`${PREFIX}CREW`]: '7', [`${PREFIX}OPEN`]: 'false' });
  expect(config).toMatchObject({
    name: 'ferry',
    town: 'Genoa',
    crew: 7,
    isOpen: false,
    level: 'low',
    spare: undefined,
  });
  expect(config.key.reveal()).toBe(SECRET);
  expect(Object.isFrozen(config)).toBe(true);
});

test('a variable that is set to nothing counts as not set', () => {
  expect(load({ ...usable, [`${PREFIX}TOWN`]: '', [`${PREFIX}CREW`]: '' })).toMatchObject({
    town: 'Genoa',
    crew: 5,
  });
  expect(problemsOf({ ...usable, [`${PREFIX}NAME`]: '' })).toEqual([
    'LOGFERRY_INGEST_NAME is not set; it must be set, for example harbour',
  ]);
});

test('all problems are told at once, each with what was received and what is expected', () => {
  const problems = problemsOf({
    [`${PREFIX}CREW`]: 'many',
    [`${PREFIX}OPEN`]: 'yes',
    [`${PREFIX}LEVEL`]: 'middle',
    [`${PREFIX}KEY`]: 'too-short',
    [`${PREFIX}SPARE`]: 'too-short',
  });
  expect(problems).toEqual([
    'LOGFERRY_INGEST_NAME is not set; it must be set, for example harbour',
    'LOGFERRY_INGEST_CREW is "many"; it must be a whole number from 2 to 9',
    'LOGFERRY_INGEST_OPEN is "yes"; it must be true or false',
    'LOGFERRY_INGEST_LEVEL is "middle"; it must be one of low, high',
    'LOGFERRY_INGEST_KEY is [secret]; it must have at least 16 characters',
    'LOGFERRY_INGEST_SPARE is [secret]; it must have at least 16 characters',
  ]);
  expect(new ConfigError(problems).message).toBe(
    `The configuration is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
  );
});

test.each([
  ['1', false],
  ['2', true],
  ['9', true],
  ['10', false],
  ['-5', false],
  ['5.5', false],
  ['5e0', false],
  ['0x5', false],
  ['٥', false],
  [' 5', false],
])('of a number from 2 to 9, %j is taken: %s', (value, isTaken) => {
  const problems = problemsOf({ ...usable, [`${PREFIX}CREW`]: value });
  expect(problems).toHaveLength(isTaken ? 0 : 1);
});

test('a secret of 15 characters is refused, one of 16 is not', () => {
  expect(problemsOf({ ...usable, [`${PREFIX}KEY`]: 'x'.repeat(15) })).toHaveLength(1);
  expect(problemsOf({ ...usable, [`${PREFIX}KEY`]: 'x'.repeat(16) })).toEqual([]);
});

test('a mistyped variable is refused', () => {
  expect(problemsOf({ ...usable, LOGFERRY_INGEST_CRWE: '4', LOGFERRY_IGNEST_CREW: '4' })).toEqual([
    'LOGFERRY_INGEST_CRWE is not a setting of this process',
    'LOGFERRY_IGNEST_CREW is not a setting of this process',
  ]);
});

test.each(['LOGFERRY_WORKER_BROKRE_HOST', 'LOGFERRY_REDIS_SHRADS', 'LOGFERRY_SEND_KYE'])(
  '%s belongs to no process that would refuse it alone, so every process does',
  (mistyped) => {
    const refused = [`${mistyped} is not a setting of this process`];
    expect(problemsOf({ ...usable, [mistyped]: '4' })).toEqual(refused);
    const worker = workerSettings('LOGFERRY_S3_WORKER_', 8085);
    const environment = { LOGFERRY_BROKER_SECRET: SECRET, [mistyped]: '4' };
    expect(() => loadConfig(worker, 'LOGFERRY_S3_WORKER_', environment)).toThrow(refused[0]);
  },
);

test('the variables of other processes, of a command, and those that some share, may be there', () => {
  const others = {
    LOGFERRY_BROKER_SECRET: SECRET,
    LOGFERRY_CONSOLE_PASSWORD: SECRET,
    LOGFERRY_CLOUDWATCH_WORKER_PORT: '1',
    LOGFERRY_S3_WORKER_PORT: '1',
    LOGFERRY_WORKER_BROKER_HOST: 'broker',
    LOGFERRY_REDIS_SHARDS: '4',
    LOGFERRY_SEND_KEY: SECRET,
    PATH: '/bin',
  };
  expect(problemsOf({ ...usable, ...others })).toEqual([]);
});

test('a secret may come from a file, and a newline at its end is not part of it', () => {
  const config = load({ ...keyless, [`${PREFIX}KEY_FILE`]: file('key', `${SECRET}\n`) });
  expect(config.key.reveal()).toBe(SECRET);
});

test('a file that cannot be read, or whose secret is too short, is a problem that names no secret', () => {
  const missing = join(dir, 'missing');
  expect(problemsOf({ ...keyless, [`${PREFIX}KEY_FILE`]: missing })).toContain(
    `LOGFERRY_INGEST_KEY_FILE names a file that cannot be read: ${missing}`,
  );
  const short = file('short', 'too-short');
  expect(problemsOf({ ...keyless, [`${PREFIX}KEY_FILE`]: short })).toEqual([
    'LOGFERRY_INGEST_KEY is [secret]; it must have at least 16 characters',
  ]);
});

test('only secrets come from files: for anything else the file would not be read, so it is refused', () => {
  expect(problemsOf({ ...usable, LOGFERRY_INGEST_CREW_FILE: file('crew', '7') })).toEqual([
    'LOGFERRY_INGEST_CREW_FILE is not a setting of this process',
  ]);
});

test('every worker has the settings that its process needs, under its own prefix', () => {
  const prefix = 'LOGFERRY_S3_WORKER_';
  const environment = { LOGFERRY_BROKER_SECRET: SECRET, [`${prefix}CONCURRENCY`]: '8' };
  const config = loadConfig(workerSettings(prefix, 8085), prefix, environment);
  expect(config).toMatchObject({
    port: 8085,
    host: '127.0.0.1',
    concurrency: 8,
    shards: 1,
    brokerPort: 8083,
    metricsToken: undefined,
  });
  expect(config.brokerSecret).toBeInstanceOf(Secret);
});

test('every shared setting has a sentence that says what it is for', () => {
  const shared = { ...commonSettings, ...redisSettings, ...brokerClientSettings };
  for (const { name, description } of Object.values(shared)) {
    expect(`${name}: ${description}`).toMatch(/: [A-Z].*\.$/);
  }
});
