// Goal: the page shows what arrived, and nothing that arrives can act in it. Method: hostile text in every place a client can
// put text, then the page as a browser gets it. Doubles: none.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ACCOUNT, ADMIN, REGION, startWorld } from './fixtures';
import { logs, logsClient, s3, s3Client } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`;
let sandbox: SandboxAws;

beforeAll(async () => {
  sandbox = await startWorld();
  sandbox.seed({
    accounts: [ACCOUNT],
    buckets: [{ name: 'the-bucket', region: REGION, account: ACCOUNT }],
  });
  const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
  const bucket = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
  const names = { logGroupName: 'g', logStreamName: `s ${HOSTILE}` };
  await client.send(new logs.CreateLogGroupCommand({ logGroupName: 'g' }));
  await client.send(new logs.CreateLogStreamCommand(names));
  const logEvents = [{ timestamp: Date.now(), message: `hello ${HOSTILE}` }];
  await client.send(new logs.PutLogEventsCommand({ ...names, logEvents }));
  await bucket.send(
    new s3.PutObjectCommand({
      Bucket: 'the-bucket',
      Key: `k ${HOSTILE}`,
      Body: gzipSync(`packed ${HOSTILE}`),
      ContentType: HOSTILE,
      ContentEncoding: 'gzip',
      Metadata: { note: HOSTILE },
    }),
  );
  await bucket.send(
    new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'binary', Body: Buffer.from([1, 0, 2]) }),
  );
  client.destroy();
  bucket.destroy();
});

afterAll(async () => {
  await sandbox.stop();
});

async function open(path = '/') {
  const answer = await fetch(sandbox.url + path, { headers: { accept: 'text/html,*/*' } });
  return { httpStatus: answer.status, headers: answer.headers, text: await answer.text() };
}

const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();
const STREAM = query({ account: ACCOUNT, region: REGION, group: 'g', stream: `s ${HOSTILE}` });
const OBJECT = query({ bucket: 'the-bucket', key: `k ${HOSTILE}` });

test.each([
  ['the overview', '/', ['hello', ACCOUNT, 'the-bucket', 'log events stored']],
  ['a stream', `/_sandbox/page/stream?${STREAM}`, ['hello', 'duplicates among them']],
  ['an object, unpacked', `/_sandbox/page/object?${OBJECT}`, ['packed', 'unpacked from gzip']],
  ['an object that is no text', '/_sandbox/page/object?bucket=the-bucket&key=binary', ['not text']],
])('%s is shown, and hostile text in it is text', async (_name, path, words) => {
  const { httpStatus, text } = await open(path);
  expect(httpStatus).toBe(200);
  for (const word of words) expect(text).toContain(word);
  expect(text.match(/<script/gu)).toHaveLength(1);
  expect(text).not.toContain('<img');
  expect(text).not.toMatch(/onerror='/u);
});

test('the policy admits the page’s own style and script, by their hashes, and nothing else', async () => {
  const { headers, text } = await open();
  const policy = headers.get('content-security-policy') ?? '';
  const hashOf = (tag: string) => {
    const content = new RegExp(`<${tag}>([^]*)</${tag}>`, 'u').exec(text)?.[1] ?? '';
    return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(`script-src ${hashOf('script')};`);
  expect(policy).toContain(`style-src ${hashOf('style')};`);
  expect(policy).not.toContain('unsafe');
  expect(text).not.toMatch(/(src|href)="?https?:/u);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test('what is not there is not found', async () => {
  for (const path of ['stream?account=1', 'object?bucket=x&key=y', 'nothing']) {
    expect((await open(`/_sandbox/page/${path}`)).httpStatus).toBe(404);
  }
});

test('a signed ListBuckets at the same address is S3’s', async () => {
  const client = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
  expect((await client.send(new s3.ListBucketsCommand({}))).Buckets).toHaveLength(1);
  client.destroy();
});
