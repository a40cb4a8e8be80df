import { loadConfig } from '@logferry/runtime';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apps, referenceFiles } from './reference-files';

test.each(Object.entries(referenceFiles()))(
  '%s says what the code says (npm run reference writes it)',
  (path, content) => {
    expect(readFileSync(join(__dirname, '..', path), 'utf8')).toBe(content);
  },
);

const OWN_PREFIXES: Record<string, string> = {
  ingest: 'LOGFERRY_INGEST_',
  'cloudwatch-worker': 'LOGFERRY_CLOUDWATCH_WORKER_',
  's3-worker': 'LOGFERRY_S3_WORKER_',
  'credential-broker': 'LOGFERRY_BROKER_',
  console: 'LOGFERRY_CONSOLE_',
};

test.each(apps)('one environment with every setting there is suits %s', (app, settings) => {
  const all = apps.flatMap(([, ofApp]) => Object.values(ofApp));
  const environment = Object.fromEntries(
    all.map(({ name, default: standard }) => [name, standard ?? 'a-secret-of-many-chars']),
  );
  environment.LOGFERRY_SEND_KEY = 'a-secret-of-many-chars';
  const config = loadConfig(settings, OWN_PREFIXES[app] ?? '', environment);
  expect(Object.keys(config)).toEqual(Object.keys(settings));
});
