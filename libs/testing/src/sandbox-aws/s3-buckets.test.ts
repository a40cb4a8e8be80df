// Goal: buckets live in one Region and belong to one account, and are found in either addressing style. Method: the real SDK,
// and plain HTTP for hosts no resolver knows. Doubles: none.
import { Agent } from 'node:http';
import { ACCOUNT, ADMIN, allow, OTHER_ACCOUNT, OTHER_ADMIN, REGION, startWorld } from './fixtures';
import { sendRaw } from './raw-request';
import { refusalOf, s3, s3Client, saying } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const Bucket = 'the-bucket';
let sandbox: SandboxAws;
let client: s3.S3Client;

beforeAll(async () => {
  sandbox = await startWorld({ hostnames: ['sandbox-aws'] });
  client = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  for (const { name } of sandbox.buckets()) sandbox.removeBucket(name);
  sandbox.seed({
    accounts: [ACCOUNT],
    buckets: [{ name: Bucket, region: REGION, account: ACCOUNT }],
  });
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

function put(Key: string, by = client) {
  return by.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key }));
}

describe('virtual-host style', () => {
  test.each([
    ['localhost', ''],
    ['sandbox-aws', ''],
    ['s3.eu-west-1.amazonaws.com', ''],
    ['s3.amazonaws.com', ''],
  ])('the bucket in front of %s', async (host) => {
    // Every name leads here, as AWS's names would lead to AWS.
    const agent = new Agent({
      lookup: (_name, options, callback) => {
        if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
        else callback(null, '127.0.0.1', 4);
      },
    });
    const virtual = new s3.S3Client({
      endpoint: `http://${host}:${String(sandbox.port)}`,
      region: REGION,
      credentials: { ...ADMIN },
      maxAttempts: 1,
      requestHandler: { httpAgent: agent },
    });
    await put('a/b c+d', virtual);
    expect(sandbox.object(Bucket, 'a/b c+d')?.content?.toString()).toBe('a/b c+d');
    virtual.destroy();
    agent.destroy();
  });
});

describe('Regions', () => {
  const inRegion = (region: string, endpoint = sandbox.url) =>
    s3Client({ endpoint, region, credentials: ADMIN });

  test('a call signed for another Region is redirected, with the bucket’s Region in a header', async () => {
    const elsewhere = inRegion('us-east-1');
    const headers: Record<string, string>[] = [];
    elsewhere.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        headers.push((result.response as { headers: Record<string, string> }).headers);
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    expect(await refusalOf(put('key', elsewhere))).toMatchObject({
      code: 'PermanentRedirect',
      httpStatus: 301,
    });
    expect(await refusalOf(elsewhere.send(new s3.HeadBucketCommand({ Bucket })))).toMatchObject({
      httpStatus: 301,
    });
    expect(headers.map((header) => header['x-amz-bucket-region'])).toEqual([REGION, REGION]);
    elsewhere.destroy();
  });

  test('followRegionRedirects finds the way', async () => {
    const following = new s3.S3Client({
      endpoint: sandbox.url,
      region: 'us-east-1',
      credentials: { ...ADMIN },
      forcePathStyle: true,
      followRegionRedirects: true,
    });
    await put('key', following);
    expect(sandbox.object(Bucket, 'key')).toBeDefined();
    following.destroy();
  });

  test('a right endpoint with a signature for another Region is malformed', async () => {
    const scopeDay = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const authorization = `AWS4-HMAC-SHA256 Credential=${ADMIN.accessKeyId}/${scopeDay}/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;
    const answer = await sendRaw({
      port: sandbox.port,
      path: '/key',
      headers: { host: `${Bucket}.s3.${REGION}.amazonaws.com`, authorization },
    });
    expect(answer.httpStatus).toBe(400);
    expect(answer.text).toContain('AuthorizationHeaderMalformed');
  });

  test('GetBucketLocation answers from us-east-1 for every Region', async () => {
    const elsewhere = inRegion('us-east-1');
    const location = await elsewhere.send(new s3.GetBucketLocationCommand({ Bucket }));
    expect(location.LocationConstraint).toBe(REGION);
    elsewhere.destroy();
  });
});

describe('HeadBucket', () => {
  const stranger: SdkKeys = { accessKeyId: 'AKIASTRANGER00000001', secretAccessKey: 'stranger' };

  test('tells the Region to whoever may list the bucket', async () => {
    expect(await client.send(new s3.HeadBucketCommand({ Bucket }))).toMatchObject({
      BucketRegion: REGION,
    });
    const absent = client.send(new s3.HeadBucketCommand({ Bucket: 'absent-bucket' }));
    expect(await refusalOf(absent)).toMatchObject({ code: 'NotFound', httpStatus: 404 });
  });

  test('tells it even to those it refuses, known or not', async () => {
    sandbox.seed({
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'stranger', accessKeys: [stranger] }],
    });
    for (const credentials of [stranger, OTHER_ADMIN]) {
      const by = s3Client({ endpoint: sandbox.url, credentials });
      const error = await by
        .send(new s3.HeadBucketCommand({ Bucket }))
        .catch((thrown: unknown) => thrown);
      const { $response, $metadata } = error as s3.S3ServiceException;
      expect($metadata.httpStatusCode).toBe(403);
      expect($response?.headers['x-amz-bucket-region']).toBe(REGION);
      by.destroy();
    }
    const answer = await sendRaw({ port: sandbox.port, method: 'HEAD', path: `/${Bucket}` });
    expect(answer.httpStatus).toBe(403);
    expect(answer.headers['x-amz-bucket-region']).toBe(REGION);
  });
});

describe('CreateBucket', () => {
  const create = (name: string, by = client, location: string | undefined = REGION) =>
    by.send(
      new s3.CreateBucketCommand({
        Bucket: name,
        ...(location && {
          CreateBucketConfiguration: {
            LocationConstraint: location as s3.BucketLocationConstraint,
          },
        }),
      }),
    );

  test('makes a bucket in the Region of the endpoint, once, for one owner', async () => {
    await create('new-bucket');
    expect(sandbox.buckets().find(({ name }) => name === 'new-bucket')).toMatchObject({
      region: REGION,
      account: ACCOUNT,
    });
    expect(await refusalOf(create('new-bucket'))).toMatchObject({
      code: 'BucketAlreadyOwnedByYou',
      httpStatus: 409,
    });
    const other = s3Client({ endpoint: sandbox.url, credentials: OTHER_ADMIN });
    expect(await refusalOf(create('new-bucket', other))).toMatchObject({
      code: 'BucketAlreadyExists',
      httpStatus: 409,
    });
    other.destroy();
  });

  test('wants the location constraint to be the endpoint’s Region', async () => {
    expect(await refusalOf(create('new-bucket', client, 'us-west-2'))).toMatchObject({
      code: 'IllegalLocationConstraintException',
      message: saying('The us-west-2 location constraint is incompatible'),
    });
    const inUsEast = s3Client({ endpoint: sandbox.url, region: 'us-east-1', credentials: ADMIN });
    await create('new-bucket', inUsEast, '');
    await create('new-bucket', inUsEast, '');
    expect(
      (await inUsEast.send(new s3.GetBucketLocationCommand({ Bucket: 'new-bucket' })))
        .LocationConstraint,
    ).toBeUndefined();
    inUsEast.destroy();
  });

  test.each(['ab', 'x'.repeat(64), 'Upper', 'under_score', '-a-', 'a..b', '127.0.0.1', 'xn--a'])(
    'does not take the name %s',
    async (name) => {
      expect(await refusalOf(create(name))).toMatchObject({
        code: 'InvalidBucketName',
        httpStatus: 400,
      });
    },
  );

  test('ListBuckets shows the caller’s own', async () => {
    sandbox.seed({
      accounts: [OTHER_ACCOUNT],
      buckets: [{ name: 'other-bucket', region: REGION, account: OTHER_ACCOUNT }],
    });
    const { Buckets } = await client.send(new s3.ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual([Bucket]);
  });
});

describe('ListObjectsV2', () => {
  const list = (more: Partial<s3.ListObjectsV2CommandInput> = {}, by = client) =>
    by.send(new s3.ListObjectsV2Command({ Bucket, ...more }));

  beforeEach(async () => {
    for (const key of ['a/1', 'a/2', 'a/b/3', 'c', 'd & <e>', '\u{1F600}', '\uFF5E'])
      await put(key);
  });

  test('lists keys by the bytes of their UTF-8', async () => {
    const { Contents, KeyCount, IsTruncated } = await list();
    expect(Contents?.map(({ Key }) => Key)).toEqual([
      'a/1',
      'a/2',
      'a/b/3',
      'c',
      'd & <e>',
      '\uFF5E',
      '\u{1F600}',
    ]);
    expect([KeyCount, IsTruncated]).toEqual([7, false]);
    expect(Contents?.[0]).toMatchObject({
      Size: 3,
      StorageClass: 'STANDARD',
      ChecksumAlgorithm: ['CRC32'],
    });
  });

  test('narrows by prefix and folds at a delimiter', async () => {
    const answer = await list({ Prefix: 'a/', Delimiter: '/' });
    expect(answer.Contents?.map(({ Key }) => Key)).toEqual(['a/1', 'a/2']);
    expect(answer.CommonPrefixes).toEqual([{ Prefix: 'a/b/' }]);
    expect((await list({ Delimiter: '/' })).CommonPrefixes).toEqual([{ Prefix: 'a/' }]);
    expect((await list({ StartAfter: 'c' })).KeyCount).toBe(3);
  });

  test.each([1, 2, 3, 6, 7])('goes through everything %d at a time', async (MaxKeys) => {
    for (const Delimiter of [undefined, '/']) {
      const whole = await list({ Delimiter });
      const seen: unknown[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await list({ MaxKeys, Delimiter, ContinuationToken });
        expect(page.KeyCount).toBeLessThanOrEqual(MaxKeys);
        seen.push(...(page.Contents ?? []), ...(page.CommonPrefixes ?? []));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      expect(seen).toHaveLength(
        (whole.Contents?.length ?? 0) + (whole.CommonPrefixes?.length ?? 0),
      );
    }
  });

  test('can be allowed for one prefix only', async () => {
    const keys: SdkKeys = { accessKeyId: 'AKIALISTER0000000001', secretAccessKey: 'lister' };
    const [statement] = allow('s3:ListBucket', `arn:aws:s3:::${Bucket}`).Statement;
    const policy = {
      Statement: { ...statement, Condition: { StringLike: { 's3:prefix': 'a/*' } } },
    };
    sandbox.seed({
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'lister', accessKeys: [keys], policies: [policy] }],
    });
    const lister = s3Client({ endpoint: sandbox.url, credentials: keys });
    expect((await list({ Prefix: 'a/' }, lister)).KeyCount).toBe(3);
    expect(await refusalOf(list({}, lister))).toMatchObject({ code: 'AccessDenied' });
    lister.destroy();
  });
});

describe('the rest of S3', () => {
  test('an object can be deleted, and deleting nothing is fine', async () => {
    await put('key');
    for (let times = 0; times < 2; times += 1) {
      const answer = await client.send(new s3.DeleteObjectCommand({ Bucket, Key: 'key' }));
      expect(answer.$metadata.httpStatusCode).toBe(204);
    }
    expect(sandbox.objects(Bucket)).toEqual([]);
  });

  test.each([
    ['lists of uploads', new s3.ListMultipartUploadsCommand({ Bucket })],
    ['copies', new s3.CopyObjectCommand({ Bucket, Key: 'key', CopySource: `${Bucket}/other` })],
    ['bucket policies', new s3.GetBucketPolicyCommand({ Bucket })],
  ])('%s are refused by name, not taken for something else', async (_name, command) => {
    const call = client.send(command as s3.GetBucketPolicyCommand);
    expect(await refusalOf(call)).toMatchObject({ code: 'NotImplemented', httpStatus: 501 });
  });

  test('a key that is no valid encoding is refused', async () => {
    const answer = await sendRaw({ port: sandbox.port, path: `/${Bucket}/%zz` });
    expect(answer.httpStatus).toBe(400);
    expect(answer.text).toContain('InvalidURI');
  });
});
