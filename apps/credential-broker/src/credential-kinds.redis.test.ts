// Every kind of credentials through the whole broker, from what a customer enters to a session that AWS takes; and what the broker
// finds out about a role that trusts too many.
import { S3Sink, sharedTransport } from '@logferry/aws';
import {
  assumedRole,
  Channel,
  Credentials,
  CredentialsInput,
  Destination,
  Failure,
  type DestinationPlace,
} from '@logferry/core';
import type { BrokerDesk } from '@logferry/runtime';
import { channelPlace } from '@logferry/store';
import { tenantTrustPolicy } from '@logferry/testing';
import { ACCOUNT as account, REGION as region, useBrokerTestbed } from './broker.testbed';

const platform = '999999999999';
const platformKey = {
  accessKeyId: 'AKIAPLATFORM00000001',
  secretAccessKey: 'of-the-platform-itself',
};
const roleArn = `arn:aws:iam::${account}:role/logferry`;

const bed = useBrokerTestbed({
  tenants: ['acme', 'globex'],
  environment: {
    LOGFERRY_BROKER_SEALING_KEYS: `1:${Buffer.alloc(32, 1).toString('base64')}`,
    LOGFERRY_BROKER_EXTERNAL_ID_SECRET: 'what ExternalIds are derived from',
  },
  identity: {
    AWS_ACCESS_KEY_ID: platformKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: platformKey.secretAccessKey,
  },
});
let desk: BrokerDesk;

beforeEach(() => {
  desk = bed.desk();
  bed.aws.seed({
    accounts: [account, platform],
    oidcProviders: [{ account, url: bed.url }],
    users: [
      {
        account: platform,
        name: 'broker',
        accessKeys: [platformKey],
        policies: [allow('sts:AssumeRole', '*')],
      },
    ],
  });
});

const statement = (over: object): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', ...over }],
});
const allow = (Action: string, Resource: string): object => statement({ Action, Resource });

function trustUs(condition: object = {}): object {
  return statement({
    Principal: { AWS: `arn:aws:iam::${platform}:root` },
    Action: 'sts:AssumeRole',
    ...condition,
  });
}

const demands = (externalId: string): object => ({
  Condition: { StringEquals: { 'sts:ExternalId': externalId } },
});

/** A destination as the console stores it, of what somebody entered. */
let generation = 0;
async function entered(input: object, tenantId = 'acme'): Promise<Destination> {
  const place = { tenantId, destinationId: `d${++generation}` };
  const credentials = await desk.storedCredentials(place, CredentialsInput.parse(input), undefined);
  return store(place, Credentials.parse(credentials));
}

async function store(
  { tenantId, destinationId }: DestinationPlace,
  credentials: Credentials,
): Promise<Destination> {
  const s3 = { bucket: 'acme-logs' };
  const destination = Destination.parse({ id: destinationId, type: 's3', region, credentials, s3 });
  await bed.store.putDestination(tenantId, destination);
  return destination;
}

function tryDecoys({ id, credentials }: Destination) {
  const role = assumedRole(credentials);
  if (role === undefined) throw new Error('there is a role to try');
  return desk.tryDecoys({ tenantId: 'acme', destinationId: id }, { role, region });
}

/** Each of them has a session of its own, since the broker keeps those that it has. */
const seconds = (): number => 900 + generation;

describe('assume_role', () => {
  const input = (): object => ({ kind: 'assume_role', roleArn, sessionDurationSeconds: seconds() });

  test('a role that demands the ExternalId that we show gives us a session, and nobody else', async () => {
    const destination = await entered(input());
    const { credentials } = destination;
    if (credentials.kind !== 'assume_role') throw new Error('it was entered so');
    bed.aws.seed({
      roles: [{ arn: roleArn, trustPolicy: trustUs(demands(credentials.externalId)) }],
    });
    expect((await bed.session('acme', destination)).sessionToken).toBeDefined();
    const decoy = await tryDecoys(destination);
    expect(decoy.outcome).toBe('refused');
    // Another tenant that enters the same role gets another ExternalId, and AWS refuses it.
    const stolen = await entered(input(), 'globex');
    await expect(bed.session('globex', stolen)).rejects.toMatchObject({
      code: 'credential.trust_denied',
    });
  });

  test.each<[string, object]>([
    ['demands no ExternalId', {}],
    ['takes any', { Condition: { StringLike: { 'sts:ExternalId': 'logferry-*' } } }],
  ])('a role that %s is found out', async (_, condition) => {
    const destination = await entered(input());
    bed.aws.seed({ roles: [{ arn: roleArn, trustPolicy: trustUs(condition) }] });
    expect((await tryDecoys(destination)).outcome).toBe('accepted');
  });

  test('an ExternalId is always the same, and nobody chooses one', async () => {
    const place = { tenantId: 'acme', destinationId: 'chosen' };
    const externalId = await desk.externalId(place);
    expect(await desk.externalId(place)).toBe(externalId);
    const chosen = CredentialsInput.parse({ ...input(), externalId: 'logferry-what-i-have-found' });
    await expect(desk.storedCredentials(place, chosen, undefined)).rejects.toMatchObject({
      code: 'credential.external_id_foreign',
    });
    // Nor does writing it into the store help.
    const other = await desk.externalId({ tenantId: 'globex', destinationId: 'chosen' });
    const sessionDurationSeconds = 900;
    const credentials = { kind: 'assume_role', roleArn, externalId: other, sessionDurationSeconds };
    const destination = await store(place, Credentials.parse(credentials));
    await expect(bed.session('acme', destination)).rejects.toMatchObject({
      code: 'credential.external_id_foreign',
    });
  });

  test('an identity of ours that AWS does not take is our fault, and costs no tenant an attempt', async () => {
    const destination = await entered(input());
    bed.aws.reset();
    bed.aws.seed({ accounts: [account], roles: [{ arn: roleArn, trustPolicy: trustUs() }] });
    await expect(bed.session('acme', destination)).rejects.toMatchObject({
      code: 'credential.platform_identity',
      fault: 'us',
      disposition: 'defer',
    });
  });
});

describe('web_identity', () => {
  const input = (): object => ({
    kind: 'web_identity',
    roleArn,
    sessionDurationSeconds: seconds(),
  });
  const host = (): string => bed.url.replace('http://', '');

  test('a role that trusts its own tenant alone refuses every decoy', async () => {
    const destination = await entered(input());
    bed.aws.seed({
      roles: [{ arn: roleArn, trustPolicy: tenantTrustPolicy(account, bed.url, 'acme') }],
    });
    const decoy = await tryDecoys(destination);
    expect(decoy.outcome).toBe('refused');
  });

  test.each<[string, (host: string) => object]>([
    ['every tenant', (at) => ({ StringEquals: { [`${at}:aud`]: 'sts.amazonaws.com' } })],
    ['tenants by a pattern', (at) => ({ StringLike: { [`${at}:sub`]: 'tenant:*' } })],
    ['tenants that begin alike', (at) => ({ StringLike: { [`${at}:sub`]: 'tenant:acme*' } })],
    [
      'tenants in whatever case',
      (at) => ({ StringEqualsIgnoreCase: { [`${at}:sub`]: 'tenant:acme' } }),
    ],
    [
      'tenants with any letters in the middle',
      (at) => ({ StringLike: { [`${at}:sub`]: 'tenant:a??e' } }),
    ],
    ['tenants with any last letter', (at) => ({ StringLike: { [`${at}:sub`]: 'tenant:acm?' } })],
    ['tenants that end alike', (at) => ({ StringLike: { [`${at}:sub`]: '*acme' } })],
  ])('a role that trusts %s is found out', async (_, condition) => {
    const destination = await entered(input());
    const trustPolicy = statement({
      Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${host()}` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: condition(host()),
    });
    bed.aws.seed({ roles: [{ arn: roleArn, trustPolicy }] });
    expect((await tryDecoys(destination)).outcome).toBe('accepted');
  });

  test('a role that was mended is known to who asks anew at once, whatever STS said before', async () => {
    const destination = await entered(input());
    const denied = { code: 'credential.trust_denied' };
    bed.aws.seed({
      roles: [{ arn: roleArn, trustPolicy: tenantTrustPolicy(account, bed.url, 'ajax') }],
    });
    await expect(bed.session('acme', destination)).rejects.toMatchObject(denied);
    bed.aws.seed({
      roles: [{ arn: roleArn, trustPolicy: tenantTrustPolicy(account, bed.url, 'acme') }],
    });
    await expect(bed.session('acme', destination)).rejects.toMatchObject(denied);
    expect((await bed.client().newSession('acme', destination)).sessionToken).toBeDefined();
    await expect(bed.session('acme', destination)).resolves.toBeDefined();
  });

  test('while AWS is away, or refuses for another reason, nothing is proven', async () => {
    const destination = await entered(input());
    bed.aws.addFault({ match: { service: 'sts' }, action: { kind: 'connection-reset' } });
    expect(await tryDecoys(destination)).toMatchObject({
      outcome: 'unknown',
      because: 'credential.sts_unavailable',
    });
  });
});

test('a session may write to its destination and nowhere else, though its role may do everything', async () => {
  const input = { kind: 'web_identity', roleArn, sessionDurationSeconds: seconds() };
  const destination = await entered(input);
  bed.aws.seed({
    buckets: ['acme-logs', 'acme-payroll'].map((name) => ({ name, region, account })),
    roles: [
      {
        arn: roleArn,
        trustPolicy: tenantTrustPolicy(account, bed.url, 'acme'),
        policies: [allow('*', '*')],
      },
    ],
  });
  const sink = new S3Sink(sharedTransport(), { clientsMax: 10, forcePathStyle: true });
  const put = async (bucket: string): Promise<unknown> => {
    const session = await bed.session('acme', destination);
    const call = { bucket, key: 'k', compression: 'none', contentType: 'text/plain' } as const;
    const storage = { storageClass: 'STANDARD', checksum: 'CRC32', bucketOwner: account } as const;
    return sink.put(
      { destinationKey: 'acme/d', region, session },
      { ...call, ...storage, encryption: { kind: 'bucket' } },
      Buffer.from('x'),
    );
  };
  expect(await put('acme-logs')).toBe('created');
  await expect(put('acme-payroll')).rejects.toMatchObject({ code: 's3.access_denied' });
});

describe('access_key', () => {
  const accessKeyId = 'AKIAOFACME0000000001';
  const secretAccessKey = 'a/secret+of+acme0000000000000000000000001';
  const input = { kind: 'access_key', accessKeyId, secretAccessKey };

  test('what is stored of it shows no secret, and it opens for the worker that asks', async () => {
    const destination = await entered(input);
    expect(JSON.stringify(await bed.redis.hgetall('{lf}:destinations:acme'))).not.toContain(
      'a/secret',
    );
    expect(await bed.session('acme', destination)).toMatchObject({
      accessKeyId,
      secretAccessKey,
    });
    expect(bed.aws.counters().calls).toEqual({});
  });

  test('an update without the secret keeps it for the same key, and for no other', async () => {
    const place = { tenantId: 'acme', destinationId: 'kept' };
    const stored = await desk.storedCredentials(place, CredentialsInput.parse(input), undefined);
    const same = CredentialsInput.parse({ kind: 'access_key', accessKeyId, account });
    expect(await desk.storedCredentials(place, same, stored)).toEqual({ ...stored, account });
    const other = CredentialsInput.parse({ kind: 'access_key', accessKeyId: `${accessKeyId}2` });
    expect(await desk.storedCredentials(place, other, stored)).toBeUndefined();
    expect(await desk.storedCredentials(place, same, undefined)).toBeUndefined();
  });

  test('a key that AWS refuses is answered for once, and held until its owner mends it', async () => {
    const destination = await entered(input);
    await bed.session('acme', destination);
    const refused = bed
      .client()
      .withSession('acme', destination, () => Promise.reject(new Failure('credential.expired')));
    await expect(refused).rejects.toMatchObject({
      code: 'credential.key_refused',
      disposition: 'suspend',
    });
  });
});

test('whoever does not know the secret gets nothing done', async () => {
  const stranger = bed.desk('what nobody told me');
  const place = { tenantId: 'acme', destinationId: 'd1' };
  const refused = { code: 'credential.broker_refused' };
  await expect(stranger.seal(place, 'secret')).rejects.toMatchObject(refused);
  await expect(
    stranger.reseal(place, `v1.1.${'A'.repeat(16)}.${'A'.repeat(22)}`),
  ).rejects.toMatchObject(refused);
  await expect(stranger.externalId(place)).rejects.toMatchObject(refused);
  await expect(
    stranger.tryDecoys(place, { role: { kind: 'web_identity', roleArn }, region }),
  ).rejects.toMatchObject(refused);
});

test('what is secret of a channel is sealed and opened for it, and for no other', async () => {
  const owner = { tenantId: 'acme', channelId: 'ops' };
  const secrets = { url: 'https://ops.acme.com/hook', signingSecret: `whsec_${'a'.repeat(44)}` };
  const sealedSecret = await desk.seal(owner, JSON.stringify(secrets));
  expect(sealedSecret).not.toContain('acme.com');
  const value = Channel.parse({ id: 'ops', kind: 'webhook', host: 'ops.acme.com', sealedSecret });
  const by = { kind: 'command' } as const;
  for (const tenantId of ['acme', 'globex'])
    await bed.store.write(by, [{ place: channelPlace(tenantId, 'ops'), to: { value } }]);
  expect(await desk.channelSecrets(owner)).toEqual(secrets);
  const codeOf = (error: unknown) => error instanceof Failure && error.code;
  // Copied to another tenant it is of no use there.
  expect(await desk.channelSecrets({ ...owner, tenantId: 'globex' }).catch(codeOf)).toBe(
    'credential.secret_unreadable',
  );
  expect(await desk.channelSecrets({ ...owner, channelId: 'other' }).catch(codeOf)).toBe(
    'channel.missing',
  );
});
