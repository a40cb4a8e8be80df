// Goal: groups, streams, tags, retention and permissions behave as in CloudWatch Logs. Method: the real SDK. Doubles: none.
import { ACCOUNT, ADMIN, allow, OTHER_ACCOUNT, OTHER_ADMIN, REGION, startWorld } from './fixtures';
import { sendRaw } from './raw-request';
import { logs, logsClient, refusalOf, saying } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const KMS_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd`;
const KMS_KEY_ELSEWHERE = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234abcd`;

let sandbox: SandboxAws;
let client: logs.CloudWatchLogsClient;

beforeAll(async () => {
  sandbox = await startWorld();
  sandbox.seed({ kmsKeys: [KMS_KEY, KMS_KEY_ELSEWHERE] });
  client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  for (const group of sandbox.logGroups()) sandbox.deleteLogGroup(group);
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

function createGroup(logGroupName: string, more: object = {}, by = client) {
  return by.send(new logs.CreateLogGroupCommand({ logGroupName, ...more }));
}

function createStream(logGroupName: string, logStreamName: string, by = client) {
  return by.send(new logs.CreateLogStreamCommand({ logGroupName, logStreamName }));
}

function putOne(logGroupName: string, logStreamName: string, by = client) {
  const logEvents = [{ timestamp: Date.now(), message: 'hello' }];
  return by.send(new logs.PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
}

describe('log groups', () => {
  test('are created once', async () => {
    await createGroup('env0/deployments', {
      kmsKeyId: KMS_KEY,
      logGroupClass: 'INFREQUENT_ACCESS',
    });
    expect(await refusalOf(createGroup('env0/deployments'))).toEqual({
      code: 'ResourceAlreadyExistsException',
      httpStatus: 400,
      message: 'The specified log group already exists',
    });
    const { logGroups } = await client.send(new logs.DescribeLogGroupsCommand({}));
    expect(logGroups).toEqual([
      {
        logGroupName: 'env0/deployments',
        arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:env0/deployments:*`,
        logGroupArn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:env0/deployments`,
        creationTime: expect.any(Number) as unknown,
        kmsKeyId: KMS_KEY,
        logGroupClass: 'INFREQUENT_ACCESS',
        metricFilterCount: 0,
        storedBytes: 0,
      },
    ]);
  });

  test.each([
    ['a', true],
    ['x'.repeat(511), true],
    ['x'.repeat(512), true],
    ['x'.repeat(513), false],
    ['a.-_/#Z9', true],
    ['a:b', false],
    ['a*', false],
    ['a b', false],
    ['ü', false],
    ['', false],
  ])('the name %s', async (name, isAllowed) => {
    const outcome = isAllowed ? await createGroup(name) : await refusalOf(createGroup(name));
    expect(outcome).toMatchObject(isAllowed ? {} : { code: 'InvalidParameterException' });
    expect(sandbox.logGroups()).toHaveLength(isAllowed ? 1 : 0);
  });

  test('whose name starts with aws/ are reserved, with a slash in front they are not', async () => {
    expect(await refusalOf(createGroup('aws/x'))).toMatchObject({
      code: 'InvalidParameterException',
      message: 'Log groups starting with AWS/ are reserved for AWS.',
    });
    await createGroup('/aws/lambda/x');
    expect(sandbox.logGroups()).toHaveLength(1);
  });

  test.each([
    ['is not there', `arn:aws:kms:${REGION}:${ACCOUNT}:key/unknown`],
    ['lies in another Region', KMS_KEY_ELSEWHERE],
  ])('are not encrypted with a KMS key that %s', async (_, kmsKeyId) => {
    expect(await refusalOf(createGroup('secret', { kmsKeyId }))).toMatchObject({
      code: 'InvalidParameterException',
      message: saying(
        'The specified KMS key does not exist or is not allowed to be used with LogGroup',
      ),
    });
    expect(sandbox.logGroups()).toEqual([]);
  });

  test('belong to one account and one Region', async () => {
    const other = logsClient({ endpoint: sandbox.url, credentials: OTHER_ADMIN });
    const elsewhere = logsClient({
      endpoint: sandbox.url,
      credentials: ADMIN,
      region: 'us-east-1',
    });
    for (const by of [client, other, elsewhere]) await createGroup('same-name', {}, by);
    expect(sandbox.logGroups().map(({ account, region }) => [account, region])).toEqual([
      [ACCOUNT, REGION],
      [OTHER_ACCOUNT, REGION],
      [ACCOUNT, 'us-east-1'],
    ]);
    other.destroy();
    elsewhere.destroy();
  });

  test('are listed by prefix or by a part of the name, page by page', async () => {
    for (const n of [...Array(55).keys()]) await createGroup(`app-${String(n).padStart(2, '0')}`);
    await createGroup('other');
    const first = await client.send(
      new logs.DescribeLogGroupsCommand({ logGroupNamePrefix: 'app-' }),
    );
    expect(first.logGroups).toHaveLength(50);
    const second = await client.send(
      new logs.DescribeLogGroupsCommand({ logGroupNamePrefix: 'app-', nextToken: first.nextToken }),
    );
    expect(second.logGroups?.map(({ logGroupName }) => logGroupName)).toEqual(
      ['50', '51', '52', '53', '54'].map((n) => `app-${n}`),
    );
    expect(second.nextToken).toBeUndefined();
    const found = await client.send(
      new logs.DescribeLogGroupsCommand({ logGroupNamePattern: 'THE' }),
    );
    expect(found.logGroups).toHaveLength(1);
    const call = client.send(new logs.DescribeLogGroupsCommand({ limit: 51 }));
    expect(await refusalOf(call)).toMatchObject({ code: 'InvalidParameterException' });
  });

  test('are deleted with their streams', async () => {
    await createGroup('g');
    await createStream('g', 's');
    await client.send(new logs.DeleteLogGroupCommand({ logGroupName: 'g' }));
    expect(await refusalOf(putOne('g', 's'))).toMatchObject({ code: 'ResourceNotFoundException' });
    const again = client.send(new logs.DeleteLogGroupCommand({ logGroupName: 'g' }));
    expect(await refusalOf(again)).toMatchObject({ code: 'ResourceNotFoundException' });
  });
});

describe('retention', () => {
  const setRetention = (retentionInDays: number, logGroupName = 'g') =>
    client.send(new logs.PutRetentionPolicyCommand({ logGroupName, retentionInDays }));

  test('takes exactly the days AWS lists', async () => {
    await createGroup('g');
    const listed = [
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
      3288, 3653,
    ];
    const tried = new Set(listed.flatMap((days) => [days - 1, days, days + 1]));
    const taken: number[] = [];
    for (const days of tried) {
      const isTaken = await setRetention(days).then(
        () => true,
        () => false,
      );
      if (isTaken) taken.push(days);
    }
    expect(taken.sort((a, b) => a - b)).toEqual(listed);
    expect(await refusalOf(setRetention(4))).toMatchObject({
      code: 'InvalidParameterException',
      message: saying('Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60'),
    });
    expect(await refusalOf(setRetention(1, 'absent'))).toMatchObject({
      code: 'ResourceNotFoundException',
    });
  });
});

describe('tags', () => {
  const arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g`;
  const tag = (tags: Record<string, string>, resourceArn = arn) =>
    client.send(new logs.TagResourceCommand({ resourceArn, tags }));

  test('are given at creation or later, and read back', async () => {
    await createGroup('g', { tags: { team: 'red' } });
    await tag({ stage: 'prod' });
    const answer = await client.send(new logs.ListTagsForResourceCommand({ resourceArn: arn }));
    expect(answer.tags).toEqual({ team: 'red', stage: 'prod' });
  });

  test('are no more than 50, and belong to the group’s plain ARN', async () => {
    await createGroup('g');
    const many = Object.fromEntries([...Array(50).keys()].map((n) => [`t${String(n)}`, 'v']));
    await tag(many);
    expect(await refusalOf(tag({ more: 'v' }))).toMatchObject({ code: 'TooManyTagsException' });
    expect(await refusalOf(tag({ a: 'v' }, `${arn}:*`))).toMatchObject({
      code: 'ValidationException',
    });
    expect(await refusalOf(tag({ a: 'v' }, `${arn}2`))).toMatchObject({
      code: 'ResourceNotFoundException',
    });
    expect(await refusalOf(tag({}))).toMatchObject({ code: 'InvalidParameterException' });
    expect(await refusalOf(tag({ 'AWS:x': 'v' }))).toMatchObject({
      code: 'InvalidParameterException',
    });
    expect(await refusalOf(tag({ ['x'.repeat(129)]: 'v' }))).toMatchObject({
      code: 'InvalidParameterException',
    });
  });
});

describe('log streams', () => {
  test.each([
    ['a', true],
    ['deploy/2026 11[$LATEST]ü', true],
    ['x'.repeat(512), true],
    ['x'.repeat(513), false],
    ['a:b', false],
    ['a*b', false],
  ])('the name %s', async (name, isAllowed) => {
    await createGroup('g');
    const call = createStream('g', name);
    expect(isAllowed ? await call : await refusalOf(call)).toMatchObject(
      isAllowed ? {} : { code: 'InvalidParameterException' },
    );
    expect(sandbox.logGroups()[0]?.streams).toHaveLength(isAllowed ? 1 : 0);
  });

  test('are created once, in a group that exists', async () => {
    expect(await refusalOf(createStream('g', 's'))).toMatchObject({
      code: 'ResourceNotFoundException',
    });
    await createGroup('g');
    await createStream('g', 's');
    expect(await refusalOf(createStream('g', 's'))).toMatchObject({
      code: 'ResourceAlreadyExistsException',
      message: 'The specified log stream already exists',
    });
  });

  test('can be deleted in the middle of writing, and written again once created anew', async () => {
    await createGroup('g');
    await createStream('g', 's');
    await putOne('g', 's');
    await client.send(new logs.DeleteLogStreamCommand({ logGroupName: 'g', logStreamName: 's' }));
    expect(await refusalOf(putOne('g', 's'))).toMatchObject({
      code: 'ResourceNotFoundException',
      message: 'The specified log stream does not exist.',
    });
    await createStream('g', 's');
    await putOne('g', 's');
    expect(
      sandbox.logEvents({ account: ACCOUNT, region: REGION, group: 'g', stream: 's' }),
    ).toHaveLength(1);
  });

  test('are described by name or by their last event', async () => {
    await createGroup('g');
    for (const name of ['b', 'a', 'c']) await createStream('g', name);
    await putOne('g', 'b');
    const describe = (more: Partial<logs.DescribeLogStreamsCommandInput>) =>
      client.send(new logs.DescribeLogStreamsCommand({ logGroupName: 'g', ...more }));
    const names = async (more: Partial<logs.DescribeLogStreamsCommandInput>) =>
      (await describe(more)).logStreams?.map(({ logStreamName }) => logStreamName);
    expect(await names({})).toEqual(['a', 'b', 'c']);
    expect(await names({ descending: true, orderBy: 'LastEventTime', limit: 1 })).toEqual(['b']);
    expect(await names({ logStreamNamePrefix: 'c' })).toEqual(['c']);
    expect((await describe({ logStreamNamePrefix: 'b' })).logStreams?.[0]).toMatchObject({
      arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g:log-stream:b`,
      firstEventTimestamp: expect.any(Number) as unknown,
      lastIngestionTime: expect.any(Number) as unknown,
    });
  });
});

describe('permissions', () => {
  const keys: SdkKeys = { accessKeyId: 'AKIALIMITED000000001', secretAccessKey: 'limited' };
  const group = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:app`;
  let limited: logs.CloudWatchLogsClient;

  beforeEach(async () => {
    limited = logsClient({ endpoint: sandbox.url, credentials: keys });
    await createGroup('app');
    await createStream('app', 's');
  });

  afterEach(() => {
    limited.destroy();
  });

  function permit(...policies: object[]): void {
    sandbox.seed({
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'limited', accessKeys: [keys], policies }],
    });
  }

  const CALLS: Record<string, () => Promise<unknown>> = {
    PutLogEvents: () => putOne('app', 's', limited),
    CreateLogStream: () => createStream('app', 'new', limited),
    CreateLogGroup: () => createGroup('app', {}, limited),
    PutRetentionPolicy: () =>
      limited.send(new logs.PutRetentionPolicyCommand({ logGroupName: 'app', retentionInDays: 1 })),
    DescribeLogStreams: () =>
      limited.send(new logs.DescribeLogStreamsCommand({ logGroupName: 'app' })),
    DescribeLogGroups: () =>
      limited.send(new logs.DescribeLogGroupsCommand({ logGroupNamePrefix: 'app' })),
    TagResource: () =>
      limited.send(new logs.TagResourceCommand({ resourceArn: group, tags: { a: 'b' } })),
  };

  test.each([
    ['PutLogEvents', `${group}:log-stream:s`],
    ['CreateLogStream', `${group}:log-stream:new`],
    ['CreateLogGroup', `${group}:log-stream:`],
    ['PutRetentionPolicy', `${group}:log-stream:`],
    ['DescribeLogStreams', `${group}:log-stream:`],
    ['DescribeLogGroups', `arn:aws:logs:${REGION}:${ACCOUNT}:log-group::log-stream:`],
    ['TagResource', group],
  ])('%s without permission names who, what and where', async (operation, resource) => {
    permit();
    expect(await refusalOf(CALLS[operation]?.() ?? Promise.resolve())).toEqual({
      code: 'AccessDeniedException',
      httpStatus: 400,
      message: `User: arn:aws:iam::${ACCOUNT}:user/limited is not authorized to perform: logs:${operation} on resource: ${resource} because no identity-based policy allows the logs:${operation} action`,
    });
  });

  test.each([
    // The group's plain ARN, the one with :* behind it, and both: which calls each of them opens.
    [
      [group],
      [
        'CreateLogStream',
        'CreateLogGroup',
        'PutRetentionPolicy',
        'DescribeLogStreams',
        'TagResource',
      ],
    ],
    [
      [`${group}:*`],
      [
        'PutLogEvents',
        'CreateLogStream',
        'CreateLogGroup',
        'PutRetentionPolicy',
        'DescribeLogStreams',
      ],
    ],
    [
      [group, `${group}:*`],
      [
        'PutLogEvents',
        'CreateLogStream',
        'CreateLogGroup',
        'PutRetentionPolicy',
        'DescribeLogStreams',
        'TagResource',
      ],
    ],
    [['*'], Object.keys(CALLS)],
  ])('a policy over %j opens %j', async (resources, expected) => {
    permit(allow('logs:*', resources));
    const opened: string[] = [];
    for (const [name, call] of Object.entries(CALLS)) {
      const code = await call().then(
        () => 'allowed',
        (error: Error) => error.name,
      );
      if (code !== 'AccessDeniedException') opened.push(name);
    }
    expect(opened).toEqual(expected);
  });

  test('an explicit deny is said to be one', async () => {
    permit(allow('logs:*', '*'), {
      Statement: { Effect: 'Deny', Action: 'logs:PutLogEvents', Resource: '*' },
    });
    expect(await refusalOf(putOne('app', 's', limited))).toMatchObject({
      code: 'AccessDeniedException',
      message: saying('with an explicit deny in an identity-based policy'),
    });
  });

  test('a group with tags needs the permission to tag as well', async () => {
    permit(allow('logs:CreateLogGroup', '*'));
    const tagged = createGroup('tagged', { tags: { a: 'b' } }, limited);
    expect(await refusalOf(tagged)).toMatchObject({
      code: 'AccessDeniedException',
      message: `User with accountId: ${ACCOUNT} is not authorized to perform CreateLogGroup with Tags`,
    });
    permit(allow(['logs:CreateLogGroup', 'logs:TagResource'], '*'));
    await createGroup('tagged', { tags: { a: 'b' } }, limited);
  });
});

describe('the protocol', () => {
  test('an operation the sandbox does not have is unknown to it', async () => {
    const call = client.send(new logs.DescribeExportTasksCommand({}));
    expect(await refusalOf(call)).toMatchObject({
      code: 'UnknownOperationException',
      httpStatus: 400,
    });
  });

  test('an error carries its type, its message and a request id', async () => {
    const answer = await sendRaw({
      port: sandbox.port,
      method: 'POST',
      headers: { 'x-amz-target': 'Logs_20140328.PutLogEvents' },
      body: '{}',
    });
    expect(JSON.parse(answer.text)).toEqual({
      __type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    });
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/u);
    expect(answer.headers['content-type']).toBe('application/x-amz-json-1.1');
  });
});
