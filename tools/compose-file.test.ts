// docker-compose.yml hands each process its settings one by one: what it does not name does nothing in .env, and nobody would say so.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { apps, composeVariables } from './reference-files';

const text = readFileSync(join(__dirname, '..', 'docker-compose.yml'), 'utf8');

interface ComposeFile {
  services: Record<string, { environment?: Record<string, string | number | null> }>;
}

const { services } = parse(text, { merge: true }) as ComposeFile;

const settingsOf = (app: string) => Object.values(Object.fromEntries(apps)[app] ?? {});
const environmentOf = (app: string) => services[app]?.environment ?? {};

/** The variables of the AWS SDK that the reference speaks of, by who calls AWS. */
const ofAws: Record<string, string[]> = {
  'cloudwatch-worker': ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_CLOUDWATCH_LOGS'],
  's3-worker': ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'],
  'credential-broker': ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS'],
  console: [
    'AWS_ENDPOINT_URL',
    'AWS_ENDPOINT_URL_CLOUDWATCH_LOGS',
    'AWS_ENDPOINT_URL_S3',
    'AWS_ENDPOINT_URL_STS',
  ],
};

/** Where things are in the network of the containers: the same for every installation. */
const isPlace = (name: string): boolean =>
  /_(HOST|PORT|TLS_DIR)$/.test(name) ||
  ['REDIS_URL', 'LOGFERRY_BROKER_SIGNING_KEYS_DIR', 'LOGFERRY_AUTH0_POLLER_INGEST_URL'].includes(
    name,
  );

test('it starts every process and Redis, and makes certificates before', () => {
  const others = ['certificates', 'redis'];
  expect(Object.keys(services).sort()).toEqual([...others, ...apps.map(([app]) => app)].sort());
});

test.each(apps.map(([app]) => app))('%s is handed its own settings, all of them', (app) => {
  const names = [...settingsOf(app).map(({ name }) => name), ...(ofAws[app] ?? [])];
  expect(Object.keys(environmentOf(app)).sort()).toEqual(names.sort());
});

test.each(apps.map(([app]) => app))('what .env says reaches %s unless it is a place', (app) => {
  for (const [name, value] of Object.entries(environmentOf(app))) {
    const isFromOutside = value === null || String(value).startsWith(`\${${name}:`);
    expect({ name, isFromOutside }).toEqual({ name, isFromOutside: !isPlace(name) });
  }
});

test.each(apps.map(([app]) => app))(
  '%s listens where the other containers, and a scraper of its metrics, look for it',
  (app) => {
    const environment = environmentOf(app);
    const own = settingsOf(app).filter(({ name }) => !name.startsWith('LOGFERRY_WORKER_'));
    for (const { name, default: standard } of own) {
      if (name.endsWith('_HOST')) expect(environment[name]).toBe('0.0.0.0');
      if (name.endsWith('_PORT')) expect(environment[name]).toBe(Number(standard));
    }
  },
);

test('what it reads beside the settings is documented, with the defaults that it has', () => {
  const names = new Set(apps.flatMap(([app]) => settingsOf(app).map(({ name }) => name)));
  const read = [...text.matchAll(/\$\{([A-Z0-9_]+)(?::-([^}]*))?/g)]
    .filter(([, name = '']) => !names.has(name))
    .map(([, name, standard]) => `${name}=${standard}`);
  expect([...new Set(read)].sort()).toEqual(
    composeVariables.map(({ name, default: standard }) => `${name}=${standard}`).sort(),
  );
});
