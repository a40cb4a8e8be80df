// A full run of everything, in which much goes wrong on purpose; then no secret is found in anything that it has left behind.
import { until, type SandboxSeed } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates, type CertificateFolders } from '../tools/certificates';
import { APPS, BROKER_SECRET, CONSOLE_PASSWORD, PLATFORM_KEY } from './app-environment';
import { askBroker } from './ask-broker';
import { issuedSecrets, privateParts } from './issued-secrets';
import { keptAnswers } from './kept-answers';
import { BY_FILE, keptCommands } from './kept-commands';
import { listenToCommands, redisContent } from './redis-content';
import { PulledSource, secretsOfSources } from './pulled-source';
import { findSecrets, formsOf, type Secret } from './secret-search';
import { ACCOUNT, REGION, Stack, TENANT } from './stack';
import { TokenBroker } from './token-broker';

/** As AWS makes them, with what is written differently in URLs, in JSON and in HTML. */
const awsSecret = (): string => `${randomBytes(27).toString('base64')}/+aZ`;

const customerKey = { accessKeyId: 'AKIACUSTOMER2345ABCD', secretAccessKey: awsSecret() };
const auth0Key = { accessKeyId: 'AKIAAUTHZERO2345ABCD', secretAccessKey: awsSecret() };
const platformKey = { accessKeyId: 'AKIAPLATFORM2345ABCD', secretAccessKey: awsSecret() };
const wrongSecret = awsSecret();
/** Like the secret of an access key without a sign in it, which more patterns let through. */
const plainSecret = `Ab${randomBytes(19).toString('hex')}`;
const sealingKey = randomBytes(32);
const externalIdSecret = randomBytes(24).toString('base64url');
const redactionKey = randomBytes(24).toString('base64url');
/** With what is written differently in a header of client credentials. */
const tokenClientSecret = `${randomBytes(24).toString('base64url')}:/+`;
const metricsToken = randomBytes(24).toString('base64url');
const wrongPassword = 'a-wrong-console-password';
const wrongBrokerSecret = 'a-wrong-broker-secret';
const wrongKey = `lf_0123456789ab_${randomBytes(32).toString('base64url')}`;

const secrets: Secret[] = [
  { name: "a customer's access key", text: customerKey.secretAccessKey },
  { name: "Auth0's AWS_SECRET_KEY", text: auth0Key.secretAccessKey },
  { name: "the platform's access key", text: platformKey.secretAccessKey },
  { name: 'a wrong secret', text: wrongSecret },
  { name: 'a secret in a wrong place', text: plainSecret },
  { name: 'the sealing key', text: sealingKey },
  { name: 'what ExternalIds are made of', text: externalIdSecret },
  { name: 'the key of redaction', text: redactionKey },
  { name: "the secret of the token endpoint's client", text: tokenClientSecret },
  { name: 'the token of metrics', text: metricsToken },
  { name: "the broker's secret", text: BROKER_SECRET },
  { name: 'a wrong secret of the broker', text: wrongBrokerSecret },
  { name: "the console's password", text: CONSOLE_PASSWORD },
  { name: 'a wrong password', text: wrongPassword },
  { name: "the platform's key", text: PLATFORM_KEY },
  { name: 'a wrong key', text: wrongKey.slice(-43) },
  // What every token of ours begins with, and no other text.
  { name: 'a token of ours or of Auth0', text: 'eyJhbGciOiJ' },
  ...secretsOfSources,
];

let dir: string;
let certificates: CertificateFolders;
let stack: Stack;
let pulled: PulledSource;
let tokenBroker: TokenBroker;
let commands: Awaited<ReturnType<typeof listenToCommands>>;
const { answers, call, keep } = keptAnswers(() => stack);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-no-secret-'));
  certificates = await makeCertificates(dir);
  for (const [name, folder] of Object.entries(certificates) as [string, string][])
    secrets.push(
      ...privateParts(readFileSync(join(folder, 'tls.key'), 'utf8'), `the TLS key of the ${name}`),
    );
  pulled = await PulledSource.start();
  const all = { LOGFERRY_METRICS_TOKEN: metricsToken, LOGFERRY_LOG_LEVEL: 'trace' };
  const asking = { ...all, LOGFERRY_WORKER_BROKER_TLS_DIR: certificates.worker };
  const environment = {
    'credential-broker': {
      ...all,
      LOGFERRY_BROKER_TLS_DIR: certificates.broker,
      LOGFERRY_BROKER_SEALING_KEYS: `one:${sealingKey.toString('base64')}`,
      LOGFERRY_BROKER_EXTERNAL_ID_SECRET: externalIdSecret,
      LOGFERRY_AUTH0_ENDPOINT_URL: pulled.auth0.url,
      AWS_ACCESS_KEY_ID: platformKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: platformKey.secretAccessKey,
    },
    ingest: { ...all, LOGFERRY_INGEST_REDACTION_KEY: redactionKey },
    'cloudwatch-worker': asking,
    's3-worker': asking,
    console: {
      ...asking,
      LOGFERRY_CONSOLE_HOOKS_ENDPOINT_URL: pulled.hooks.url,
      LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN: `arn:aws:iam::${ACCOUNT}:user/platform`,
    },
  };
  stack = await Stack.start({ environment });
  commands = await listenToCommands(stack.redis);
  stack.aws.seed(accounts());
  await pulled.startPoller(stack, asking);
  const ofBroker = environment['credential-broker'];
  tokenBroker = await TokenBroker.start(stack, tokenClientSecret, ofBroker);
}, 120_000);

afterAll(async () => {
  commands.end();
  await pulled.stop();
  await tokenBroker.stop();
  await stack.stop();
  rmSync(dir, { recursive: true });
}, 30_000);

const ROLE_BY_ID = `arn:aws:iam::${ACCOUNT}:role/by-external-id`;
const NO_ROLE = `arn:aws:iam::${ACCOUNT}:role/there-is-none`;

function accounts(externalId = 'not-known-yet'): SandboxSeed {
  const mayLog = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['logs:*', 's3:*'], Resource: '*' }],
  };
  const mayAssume = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
  };
  const trustPolicy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/platform` },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': externalId } },
      },
    ],
  };
  const user = { account: ACCOUNT, policies: [mayLog] };
  return {
    users: [
      { ...user, name: 'customer', accessKeys: [customerKey] },
      { ...user, name: 'auth0', accessKeys: [auth0Key] },
      { ...user, name: 'platform', accessKeys: [platformKey], policies: [mayAssume] },
    ],
    roles: [{ arn: ROLE_BY_ID, trustPolicy, policies: [mayLog] }],
  };
}

const destinations = `/v1/tenants/${TENANT}/destinations`;

const putDestination = (id: string, credentials: object, over: object = {}) =>
  call(`${destinations}/${id}`, {
    method: 'PUT',
    body: {
      type: 'cloudwatch',
      region: REGION,
      credentials,
      filter: { types: [id] },
      cloudwatch: { logGroup: 'env0-no-secret', logStream: id, lingerMs: 0 },
      ...over,
    },
  });

async function mintedKey(scopes: string[]): Promise<string> {
  const { text } = await call('/v1/keys', {
    method: 'POST',
    body: { name: 'for a test', tenant: TENANT, scopes },
    isTold: true,
  });
  const { key } = JSON.parse(text) as { key: string };
  secrets.push({ name: `a key that may ${scopes.join()}`, text: key.slice(-43) });
  return key;
}

const send = (key: string, type: string, events: object[]) =>
  call(`${stack.ingestUrl}/v1/tenants/${TENANT}/events?type=${type}`, {
    method: 'POST',
    authorization: `Bearer ${key}`,
    body: events,
  });

const delivered = (stream: string): number => {
  const group = { account: ACCOUNT, region: REGION, group: 'env0-no-secret' };
  return stack.aws.logEvents({ ...group, stream }).length;
};

test('with every kind of credentials, log events are delivered', async () => {
  const sender = await mintedKey(['send']);
  expect((await putDestination('by-key', { kind: 'access_key', ...customerKey })).status).toBe(201);
  const byId = await putDestination('by-id', { kind: 'assume_role', roleArn: ROLE_BY_ID });
  const { credentials } = JSON.parse(byId.text) as { credentials: { externalId: string } };
  stack.aws.seed(accounts(credentials.externalId));
  const auth0 = await call(`/v1/tenants/${TENANT}/variables`, {
    method: 'PUT',
    body: {
      variables: {
        CLOUDWATCH_LOG_GROUP_NAME: 'env0-no-secret',
        CLOUDWATCH_LOG_STREAM_NAME: 'tenant',
        AWS_ACCESS_KEY_ID: auth0Key.accessKeyId,
        AWS_SECRET_KEY: auth0Key.secretAccessKey,
        AWS_REGION: REGION,
      },
    },
  });
  expect(auth0.status).toBe(201);
  const types = ['by-key', 'by-id', 'tenant'];
  await until(
    async () => {
      for (const type of types) await send(sender, type, [{ message: 'one' }]);
      return types.every((type) => delivered(type) > 0);
    },
    { intervalMs: 200, timeoutMs: 20_000 },
  );
  await send(sender, 'deployment', [{ message: 'one', attributes: { deploymentId: 'by-token' } }]);
  await stack.settled();
}, 60_000);

test('a source is pulled, and channels are told of its runs', async () => {
  await pulled.run(call);
  expect(pulled.hooks.messages.length).toBeGreaterThan(2);
}, 120_000);

test('what is wrong is refused, held or a dead letter', async () => {
  const sender = await mintedKey(['send']);
  await putDestination('wrong-secret', {
    kind: 'access_key',
    accessKeyId: customerKey.accessKeyId,
    secretAccessKey: wrongSecret,
  });
  await putDestination('no-role', { kind: 'web_identity', roleArn: NO_ROLE });
  await putDestination('denied', { kind: 'assume_role', roleArn: NO_ROLE });
  const held = ['wrong-secret', 'no-role', 'denied'];
  await until(
    async () => {
      for (const type of held) await send(sender, type, [{ message: 'held' }]);
      const { text } = await call('/v1/held-destinations');
      return held.every((id) => text.includes(`"${id}"`));
    },
    { intervalMs: 200, timeoutMs: 20_000 },
  );
  const time = new Date(Date.now() - 20 * 86_400_000).toISOString();
  await send(sender, 'by-key', [{ message: 'too old', time }]);
  await until(async () => (await call('/v1/dead-letters')).text.includes('log_event_too_old'));

  const key = { kind: 'access_key', ...customerKey };
  const statuses = [
    await putDestination('a', { ...key, accessKeyId: plainSecret }),
    await putDestination('a', { ...key, secretAccessKey: `${plainSecret}!` }),
    await putDestination('a', { ...key, secret: plainSecret }),
    await putDestination('a', { kind: 'web_identity', roleArn: plainSecret }),
    await putDestination('a', { kind: 'assume_role', roleArn: NO_ROLE, externalId: plainSecret }),
    await putDestination('a', { kind: plainSecret }),
    await putDestination('a', key, { region: plainSecret, type: plainSecret }),
    await putDestination('a', key, { version: plainSecret }),
    await call(`${destinations}/a`, { method: 'PUT', body: `{"secret": ${plainSecret}` }),
    await call(`${destinations}/a`, { method: 'PUT', body: `"${plainSecret}"` }),
    await call(`${destinations}/a/policy`, {
      method: 'POST',
      body: { credentials: key, region: plainSecret },
    }),
    await call(`/v1/tenants/${TENANT}/variables`, {
      method: 'PUT',
      body: {
        region: plainSecret,
        variables: {
          AWS_ACCESS_KEY_ID: plainSecret,
          AWS_REGION: plainSecret,
          AWS_SECRET_ACCESS_KEY: plainSecret,
          ENV0_CLOUDWATCH_ROLE_ARN: plainSecret,
          ENV0_CLOUDWATCH_SESSION_DURATION: plainSecret,
        },
      },
    }),
    await call('/v1/keys', { method: 'POST', body: { name: 'k', scopes: [plainSecret] } }),
    await call('/v1/tenants', { method: 'PATCH', body: { secret: plainSecret } }),
    await call(`/v1/keys/${wrongKey}`),
    await call('/v1/tenants', { authorization: `Bearer ${wrongKey}` }),
    await call('/v1/tenants', { authorization: `Bearer ${sender}` }),
    await call('/v1/tenants', {
      authorization: `Basic ${Buffer.from(`admin:${wrongPassword}`).toString('base64')}`,
    }),
    await call('/login', {
      method: 'POST',
      authorization: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `password=${wrongPassword}`,
    }),
    await send(wrongKey, 'by-key', [{ message: 'refused' }]),
    await call(`${stack.ingestUrl}/v1/tenants/${TENANT}/events`, {
      method: 'POST',
      body: `{"message": ${plainSecret}`,
    }),
    await call(`${stack.ingestUrl}/metrics`, { headers: { via: 'a proxy' }, authorization: '' }),
    await call(`${stack.ingestUrl}/metrics`, { authorization: `Bearer ${wrongKey}` }),
  ].map(({ status }) => status);
  expect(statuses.filter((status) => status < 400)).toEqual([200]); // /metrics on this machine, whatever the key
  keep(await askBroker(stack.brokerTcpPort, wrongBrokerSecret, certificates.worker));
  const refused = await askBroker(tokenBroker.tcpPort, BROKER_SECRET, certificates.worker);
  expect(refused.content).toContain('token_unavailable');
  keep(refused);
  expect(tokenBroker.shown).not.toEqual([]);
}, 60_000);

/** Whatever shows something. */
async function lookEverywhere(): Promise<void> {
  const reader = await mintedKey(['read']);
  const listed = JSON.parse((await call(destinations)).text) as { destinations: { id: string }[] };
  const ids = listed.destinations.map(({ id }) => id);
  const formats = ['json', 'terraform', 'cloudformation', 'commands'];
  const paths = [
    ...ids.flatMap((id) => [
      `${destinations}/${id}`,
      ...formats.map((format) => `${destinations}/${id}/policy?format=${format}`),
      `${destinations}/${id}/test`,
    ]),
    '/v1/tenants',
    `/v1/tenants/${TENANT}`,
    `/v1/tenants/${TENANT}/scopes`,
    `/v1/tenants/${TENANT}/variables`,
    '/v1/keys',
    '/v1/audit?limit=200',
    '/v1/openapi.json',
    '/v1/held-destinations',
    '/v1/dead-letters/log-events',
    '/',
    '/docs',
    '/dead-letters',
    '/login',
    '/queues',
    ...['active', 'delayed', 'failed', 'waiting', 'completed'].map(
      (status) =>
        `/queues/api/queues?activeQueue=cloudwatch&status=${status}&page=1&jobsPerPage=50`,
    ),
  ];
  for (const path of [...paths, ...(await pulled.paths(call))]) await call(path);
  for (const id of ids) {
    const { text } = await call(`${destinations}/${id}/test`, { method: 'POST' });
    const isBroken = ['wrong-secret', 'no-role', 'denied'].includes(id);
    expect({ id, ...(JSON.parse(text) as object) }).toMatchObject({
      id,
      outcome: isBroken ? 'failed' : 'passed',
    });
  }
  for (const path of ['/v1/keys', '/v1/audit', destinations])
    await call(path, { authorization: `Bearer ${reader}` });
  for (const place of await keptCommands(stack, { key: customerKey, wrongKey, wrongPassword }))
    keep(place);
  const jobs = answers.flatMap(({ content }) => [
    ...String(content).matchAll(/\/batches\/[\w:%-]+/g),
  ]);
  for (const path of new Set(jobs.map(([path]) => path))) await call(path);
  for (const url of [...APPS.map((app) => stack.url(app)), await pulled.url()])
    for (const path of ['/metrics', '/health/live', '/health/ready'])
      await call(`${url}${path}`, { authorization: `Bearer ${metricsToken}` });
  for (const document of ['openid-configuration', 'jwks.json'])
    await call(`${stack.url('credential-broker')}/.well-known/${document}`);
  const entered = await call('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ password: CONSOLE_PASSWORD }).toString(),
  });
  const [, login = ''] = /=([^;]+)/.exec(entered.headers.get('set-cookie') ?? '') ?? [];
  secrets.push({ name: 'a login', text: decodeURIComponent(login) });
}

test('no secret is in Redis, in a log, in a metric, in an answer, or on a page', async () => {
  await lookEverywhere();
  const all = [...secrets, ...issuedSecrets(stack)];
  const names = new Set(all.map(({ name }) => name));
  for (const name of ["a session's token", 'd of a signing key', 'a login'])
    expect(names).toContain(name);
  const outside = [
    ...answers,
    ...APPS.map((app) => ({ name: `the log of ${app}`, content: stack.output(app) })),
    { name: 'the log of auth0-poller', content: pulled.output },
    { name: 'the log of the broker with tokens of others', content: tokenBroker.output },
  ];
  const redis = await redisContent(stack.redis);
  const places = [...outside, ...redis, commands.heard()];
  expect(findSecrets(all, places)).toEqual([]);

  // Each kind of place was really looked into: what is no secret is found there.
  const known = findSecrets([{ name: 'id', text: customerKey.accessKeyId }], places).join('\n');
  for (const place of ['audit', 'Redis, {lf}', 'incr.aof', 'dump.rdb', 'the commands'])
    expect(known).toContain(place);
  const seen = findSecrets([{ name: 'destination', text: 'wrong-secret' }], places).join('\n');
  for (const place of ['cloudwatch-worker', 'held-destinations', 'to GET /\n'])
    expect(seen).toContain(place);

  const said = findSecrets([{ name: 'destination', text: BY_FILE }], places).join('\n');
  for (const command of ['apply -f - --yes', 'export', 'destinations list acme'])
    expect(said).toContain(`what npx logferry ${command} says`);

  const runs = findSecrets([{ name: 'source', text: 'refused-source' }], places).join('\n');
  for (const place of ['auth0-poller', '/sources', 'source-runs', '{lf}:sources:acme'])
    expect(runs).toContain(place);

  // What is sealed stands in Redis alone: nobody else has use for it.
  const sealed = redis.flatMap(
    ({ content }) => String(content).match(/v1\.one\.[\w.-]{40,}/g) ?? [],
  );
  expect(new Set(sealed).size).toBeGreaterThanOrEqual(3);
  expect(
    findSecrets(
      sealed.map((text) => ({ name: 'a sealed secret', text })),
      outside,
    ),
  ).toEqual([]);
}, 120_000);

test('a secret that is planted is found, in whatever form it was written', async () => {
  const secret = customerKey.secretAccessKey;
  const { Redis } = await import('ioredis');
  const redis = new Redis(stack.redis.url);
  await redis.hset('planted', 'field', `{"data":${JSON.stringify(JSON.stringify({ secret }))}}`);
  await redis.publish('planted', Buffer.from(`x${secret}`).toString('base64'));
  redis.disconnect();
  await until(() => String(commands.heard().content).includes('planted'));
  const found = findSecrets(secrets, [...(await redisContent(stack.redis)), commands.heard()]);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/in Redis, planted$/) as string,
      expect.stringMatching(/incr\.aof/) as string,
      expect.stringMatching(/dump\.rdb/) as string,
      expect.stringMatching(/in the commands to Redis$/) as string,
    ]),
  );
  for (const [form, written] of formsOf(secret))
    expect({
      form,
      found: findSecrets(secrets, [{ name: 'there', content: `…${written}"` }]),
    }).toEqual({ form, found: [expect.stringContaining("a customer's access key") as string] });
  expect(findSecrets(secrets, [{ name: 'there', content: 'nothing' }])).toEqual([]);
}, 30_000);
