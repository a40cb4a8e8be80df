import { Destination } from '@logferry/core';
import {
  customerAccount,
  type Auth0StandIn,
  type SandboxAws,
  type SandboxSeed,
} from '@logferry/testing';
import type { ConfigStore } from '@logferry/store';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUTH0_LOG_GROUP, AUTH0_LOG_STREAM, auth0Destinations, demoAuth0Logs } from './auth0-demo';
import { EventSender } from './event-sender';
import { ROOT, StartProblem } from './processes';

export const TENANT = 'demo';
const ACCOUNT = '123456789012';
const REGION = 'eu-central-1';
const BUCKET = 'demo-logs';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/logferry-demo`;
const PREFIX = 'demo/';

const PLATFORM = '999999999999';
/** Who assumes roles that ask for an ExternalId. */
export const PLATFORM_ARN = `arn:aws:iam::${PLATFORM}:user/logferry`;
export const PLATFORM_KEY_ID = 'AKIALOGFERRYPLATFORM';

/** The demo customer's AWS account; and the platform's own, in which there is nobody but the broker. */
export function demoAccounts(issuerUrl: string, platformSecretAccessKey: string): SandboxSeed {
  const customer = customerAccount({
    account: ACCOUNT,
    region: REGION,
    issuerUrl,
    tenantId: TENANT,
    roleArn: ROLE,
    bucket: BUCKET,
    logGroups: [`${PREFIX}env0-deployments`, `${PREFIX}env0-audits`, AUTH0_LOG_GROUP],
  });
  const mayAssume = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' };
  const broker = {
    account: PLATFORM,
    name: 'logferry',
    policies: [{ Version: '2012-10-17', Statement: [mayAssume] }],
    accessKeys: [{ accessKeyId: PLATFORM_KEY_ID, secretAccessKey: platformSecretAccessKey }],
  };
  return { ...customer, accounts: [ACCOUNT, PLATFORM], users: [broker] };
}

/** The demo customer, connected to that account in both ways. */
export async function applyDemoTenant(store: ConfigStore): Promise<void> {
  const account = { region: REGION, credentials: { kind: 'web_identity', roleArn: ROLE } };
  const shared = { ...account, preset: 'env0', filter: { types: ['deployment', 'audit'] } };
  await store.putTenant({ id: TENANT, name: 'Demo customer' });
  await store.putDestination(
    TENANT,
    Destination.parse({
      ...shared,
      id: 'cloudwatch',
      type: 'cloudwatch',
      cloudwatch: { logGroupPrefix: PREFIX },
    }),
  );
  await store.putDestination(
    TENANT,
    // A real archive waits a minute and more for an object to fill; whoever tries things out does not want to.
    Destination.parse({ ...shared, id: 's3', type: 's3', s3: { bucket: BUCKET, lingerMs: 2_000 } }),
  );
  for (const destination of auth0Destinations(account, BUCKET))
    await store.putDestination(TENANT, destination);
}

interface Sample {
  type: 'deployment' | 'audit';
  attributes: Record<string, string>;
  messages: unknown[];
}

/** What was sent, and where it has to be found. */
export interface SentSamples {
  run: string;
  samples: Sample[];
}

/** Sends the sample log events of `tools/samples`, marked with a run of their own. */
export async function sendSamples(
  ingest: { url: string; key: string },
  run: string,
): Promise<SentSamples> {
  const samples: Sample[] = [
    { type: 'deployment', attributes: { deploymentId: `deployment-${run}` }, messages: [] },
    { type: 'audit', attributes: { organizationId: `organization-${run}` }, messages: [] },
  ];
  for (const { type, attributes, messages } of samples) {
    const sender = new EventSender({
      ...ingest,
      tenant: TENANT,
      query: { type },
      giveUpMs: 30_000,
    });
    const lines = readFileSync(join(ROOT, 'tools', 'samples', `${type}.ndjson`), 'utf8')
      .trim()
      .split('\n');
    const events = lines.map((line, i) => ({
      ...(JSON.parse(line) as { message: unknown }),
      attributes,
      id: `${run}-${type}-${i}`,
    }));
    messages.push(...events.map(({ message }) => message));
    const { accepted, rejected } = await sender.send(events);
    if (accepted !== events.length) {
      throw new StartProblem(
        `ingest took ${accepted} of ${events.length} ${type} samples: ${JSON.stringify(rejected[0])}`,
      );
    }
  }
  return { run, samples };
}

/** Where a sample arrived. */
export interface Arrival {
  place: string;
  logEvents: number;
}

/** Looks into the sandbox for every single sample, by content; nothing until all of them are there. */
export function findArrivals(
  aws: SandboxAws,
  { run, samples }: SentSamples,
): Arrival[] | undefined {
  const arrivals: Arrival[] = [];
  const lines = objectLines(aws);
  for (const { type, attributes, messages } of samples) {
    const group = `${PREFIX}env0-${type}s`;
    const stream = Object.values(attributes)[0] ?? '';
    const found = aws
      .logEvents({ account: ACCOUNT, region: REGION, group, stream })
      .map(({ message }) => message);
    const wanted = messages.map((message) =>
      typeof message === 'string' ? message : JSON.stringify(message),
    );
    if (!sameTexts(found, wanted)) return undefined;
    arrivals.push({ place: `CloudWatch Logs  ${group}  ${stream}`, logEvents: found.length });

    const ids = new Set(messages.map((_, i) => `${run}-${type}-${i}`));
    const mine = lines.filter(({ id }) => ids.has(id));
    if (
      mine.length !== messages.length ||
      new Set(mine.map(({ id }) => id)).size !== messages.length
    )
      return undefined;
    arrivals.push(...objectsOf(mine));
  }
  return arrivals;
}

/** The same for what was pulled. */
export function findPulled(aws: SandboxAws, auth0: Auth0StandIn): Arrival[] | undefined {
  const logs = demoAuth0Logs(auth0);
  const found = aws.logEvents({
    account: ACCOUNT,
    region: REGION,
    group: AUTH0_LOG_GROUP,
    stream: AUTH0_LOG_STREAM,
  });
  // Before anything is compared: this is asked again and again while they arrive.
  if (found.length < logs.length) return undefined;
  // What a start of before had left waiting arrives too.
  const texts = new Set(logs.map(({ text }) => text));
  const messages = found.map(({ message }) => message).filter((message) => texts.has(message));
  const ids = new Set(logs.map(({ id }) => id));
  const mine = objectLines(aws).filter(({ key, id }) => key.startsWith('auth0/') && ids.has(id));
  if (!sameTexts(messages, [...texts])) return undefined;
  if (
    !sameTexts(
      mine.map(({ id }) => id),
      [...ids],
    )
  )
    return undefined;
  return [
    {
      place: `CloudWatch Logs  ${AUTH0_LOG_GROUP}  ${AUTH0_LOG_STREAM}`,
      logEvents: messages.length,
    },
    ...objectsOf(mine),
  ];
}

function objectsOf(lines: readonly { key: string }[]): Arrival[] {
  return [...new Set(lines.map(({ key }) => key))].map((key) => ({
    place: `S3  s3://${BUCKET}/${key}`,
    logEvents: lines.filter((line) => line.key === key).length,
  }));
}

function objectLines(aws: SandboxAws): { key: string; id: string }[] {
  return aws.objects(BUCKET).flatMap(({ key, content }) =>
    (content?.toString() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ key, id: (JSON.parse(line) as { id?: string }).id ?? '' })),
  );
}

function sameTexts(found: readonly string[], wanted: readonly string[]): boolean {
  return (
    found.length === wanted.length && [...found].sort().join('\n') === [...wanted].sort().join('\n')
  );
}
