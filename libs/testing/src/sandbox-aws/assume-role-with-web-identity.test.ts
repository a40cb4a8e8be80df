// Goal: STS issues sessions that can do what role, tags and session policy allow together, and no more. Method: the real SDK and a
// real OIDC issuer over HTTP. Doubles: none.
import { ACCOUNT, allow, REGION, ROLE_ARN, trustSubject } from './fixtures';
import { logs, logsClient, refusalOf, sts, stsClient } from './sdk-clients';
import { keysOf, startWebIdentityWorld, SUBJECT } from './web-identity-world';
import type { WebIdentityWorld } from './web-identity-world';

let world: WebIdentityWorld;

beforeAll(async () => {
  world = await startWebIdentityWorld();
});

beforeEach(() => {
  world.nowMs = Date.now();
  world.issuer.behaviour = 'well';
  world.seedRole();
});

afterAll(async () => {
  await world.stop();
});

describe('AssumeRoleWithWebIdentity', () => {
  test('trades a verified token for a session that works and has a name', async () => {
    const answer = await world.assume();
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: SUBJECT,
      Audience: 'sts.amazonaws.com',
      AssumedRoleUser: {
        Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/logferry/logferry-tests`,
        AssumedRoleId: expect.stringMatching(/^AROA\w{16}:logferry-tests$/u) as unknown,
      },
    });
    expect(answer.PackedPolicySize).toBeUndefined();
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/u);
    expect(answer.Credentials?.Expiration?.getTime()).toBe(
      Math.floor(world.nowMs / 1000) * 1000 + 3_600_000,
    );
    const session = stsClient({ endpoint: world.sandbox.url, credentials: keysOf(answer) });
    expect(await session.send(new sts.GetCallerIdentityCommand({}))).toMatchObject({
      Account: ACCOUNT,
      Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/logferry/logferry-tests`,
    });
    session.destroy();
  });

  test.each([
    ['DurationSeconds', { DurationSeconds: 899 }, 'ValidationError'],
    ['DurationSeconds', { DurationSeconds: 900 }, undefined],
    ['DurationSeconds', { DurationSeconds: 3_600 }, undefined],
    ['DurationSeconds', { DurationSeconds: 3_601 }, 'ValidationError'],
    ['DurationSeconds', { DurationSeconds: 43_201 }, 'ValidationError'],
    ['RoleSessionName', { RoleSessionName: 'x' }, 'ValidationError'],
    ['RoleSessionName', { RoleSessionName: 'xy' }, undefined],
    ['RoleSessionName', { RoleSessionName: 'x'.repeat(64) }, undefined],
    ['RoleSessionName', { RoleSessionName: 'x'.repeat(65) }, 'ValidationError'],
    ['RoleSessionName', { RoleSessionName: 'a=b,c.d@e-f_g+h' }, undefined],
    ['RoleSessionName', { RoleSessionName: 'a b' }, 'ValidationError'],
    ['RoleSessionName', { RoleSessionName: 'a/b' }, 'ValidationError'],
    ['WebIdentityToken', { WebIdentityToken: 'abc' }, 'ValidationError'],
    ['WebIdentityToken', { WebIdentityToken: 'abcd' }, 'InvalidIdentityToken'],
    ['WebIdentityToken', { WebIdentityToken: 'x'.repeat(20_000) }, 'InvalidIdentityToken'],
    ['WebIdentityToken', { WebIdentityToken: 'x'.repeat(20_001) }, 'ValidationError'],
    ['RoleArn', { RoleArn: 'arn:aws:iam::1:role/x' }, 'ValidationError'],
    ['RoleArn', { RoleArn: 'too-short' }, 'ValidationError'],
    ['Policy', { Policy: 'x' }, 'MalformedPolicyDocument'],
    ['Policy', { Policy: JSON.stringify({ Statement: [] }).padEnd(2_048) }, undefined],
    ['Policy', { Policy: JSON.stringify({ Statement: [] }).padEnd(2_049) }, 'ValidationError'],
    [
      'PolicyArns',
      { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }] },
      'NotImplemented',
    ],
  ])(
    '%s is checked (case %#)',
    async (_name, input: Partial<sts.AssumeRoleWithWebIdentityCommandInput>, code) => {
      const outcome =
        code === undefined ? await world.assume(input) : await refusalOf(world.assume(input));
      expect(outcome).toMatchObject(
        code === undefined
          ? { Credentials: {} }
          : { code: expect.stringMatching(new RegExp(`^${code}(Exception)?$`, 'u')) as unknown },
      );
    },
  );

  test('a longer session is given where the role allows it', async () => {
    world.seedRole({ maxSessionDurationSeconds: 43_200 });
    const { Credentials } = await world.assume({ DurationSeconds: 43_200 });
    expect(Credentials?.Expiration?.getTime()).toBe(
      Math.floor(world.nowMs / 1000) * 1000 + 43_200_000,
    );
  });

  test('several mistakes are named together', async () => {
    const call = world.assume({ DurationSeconds: 1, RoleSessionName: '!' });
    expect((await refusalOf(call)).message).toMatch(
      /^3 validation errors detected: .*roleSessionName.*durationSeconds/u,
    );
  });
});

describe('audiences and trust', () => {
  test('any of the provider’s client ids will do, and azp counts before aud', async () => {
    const host = world.issuer.url.replace('http://', '');
    const trust = (condition: object) => ({
      Statement: {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${host}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: condition,
      },
    });
    world.seedRole({ trustPolicy: trust({ StringEquals: { [`${host}:aud`]: 'other' } }) });
    await world.assumeWith({ aud: ['nobody', 'other'] });
    await world.assumeWith({ aud: 'nobody', azp: 'other' });
    expect(
      await refusalOf(world.assumeWith({ aud: 'other', azp: 'sts.amazonaws.com' })),
    ).toMatchObject({
      code: 'AccessDenied',
    });
    world.seedRole({ trustPolicy: trust({ StringLike: { [`${host}:sub`]: 'tenant:*' } }) });
    await world.assume();
    expect(await refusalOf(world.assumeWith({ sub: 'other:1' }))).toMatchObject({
      code: 'AccessDenied',
    });
  });

  test('session tags need sts:TagSession in the trust policy, and reach the permission policies', async () => {
    const tags = { 'https://aws.amazon.com/tags': { principal_tags: { team: ['red'] } } };
    expect(await refusalOf(world.assumeWith(tags))).toEqual({
      code: 'AccessDenied',
      httpStatus: 403,
      message: 'Not authorized to perform sts:TagSession',
    });
    const trustPolicy = trustSubject(world.issuer.url, SUBJECT);
    const [statement] = trustPolicy.Statement;
    world.seedRole({
      trustPolicy: {
        Statement: { ...statement, Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'] },
      },
      policies: [allow('logs:*', `arn:aws:logs:*:*:log-group:\${aws:PrincipalTag/team}*`)],
    });
    const answer = await world.assumeWith(tags);
    expect(answer.PackedPolicySize).toBeGreaterThan(0);
    const tagged = logsClient({ endpoint: world.sandbox.url, credentials: keysOf(answer) });
    await tagged.send(new logs.CreateLogGroupCommand({ logGroupName: 'red/app' }));
    const other = tagged.send(new logs.CreateLogGroupCommand({ logGroupName: 'blue/app' }));
    expect(await refusalOf(other)).toMatchObject({ code: 'AccessDeniedException' });
    tagged.destroy();
  });

  test.each([
    [{ principal_tags: { team: 'red' } }, 'InvalidIdentityTokenException'],
    [{ principal_tags: { team: ['red', 'blue'] } }, 'InvalidIdentityTokenException'],
    ['team=red', 'InvalidIdentityTokenException'],
    [{ principal_tags: { ['x'.repeat(129)]: ['v'] } }, 'ValidationError'],
    [{ principal_tags: { team: ['x'.repeat(257)] } }, 'ValidationError'],
    [
      {
        principal_tags: Object.fromEntries(
          [...Array(51).keys()].map((n) => [`t${String(n)}`, ['v']]),
        ),
      },
      'ValidationError',
    ],
  ])('tags that STS does not take (case %#)', async (claim, code) => {
    expect(
      await refusalOf(world.assumeWith({ 'https://aws.amazon.com/tags': claim })),
    ).toMatchObject({
      code,
    });
  });
});

describe('session policies', () => {
  const group = (name: string) => `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}`;

  test('narrow the session to what both allow', async () => {
    world.seedRole({ policies: [allow('logs:*', `${group('app')}*`)] });
    const Policy = JSON.stringify(
      allow('logs:CreateLogGroup', [`${group('app-a')}`, group('other')]),
    );
    const answer = await world.assume({ Policy });
    const narrowed = logsClient({ endpoint: world.sandbox.url, credentials: keysOf(answer) });
    const create = (logGroupName: string) =>
      narrowed.send(new logs.CreateLogGroupCommand({ logGroupName }));
    await create('app-a');
    expect((await refusalOf(create('app-b'))).message).toContain(
      'because no session policy allows the logs:CreateLogGroup action',
    );
    expect((await refusalOf(create('other'))).message).toContain(
      'because no identity-based policy allows',
    );
    narrowed.destroy();
  });

  test('an explicit deny in one is said to be one', async () => {
    const Policy = JSON.stringify({ Statement: { Effect: 'Deny', Action: '*', Resource: '*' } });
    const denied = logsClient({
      endpoint: world.sandbox.url,
      credentials: keysOf(await world.assume({ Policy })),
    });
    expect((await refusalOf(denied.send(new logs.DescribeLogGroupsCommand({})))).message).toContain(
      'with an explicit deny in a session policy',
    );
    denied.destroy();
  });

  test('a role that changes or goes away changes its sessions', async () => {
    const session = logsClient({
      endpoint: world.sandbox.url,
      credentials: keysOf(await world.assume()),
    });
    const describeGroups = () => session.send(new logs.DescribeLogGroupsCommand({}));
    await describeGroups();
    world.seedRole({ policies: [] });
    expect(await refusalOf(describeGroups())).toMatchObject({ code: 'AccessDeniedException' });
    world.seedRole();
    await describeGroups();
    world.sandbox.removeRole(ROLE_ARN);
    expect(await refusalOf(describeGroups())).toMatchObject({ code: 'AccessDeniedException' });
    session.destroy();
  });
});
