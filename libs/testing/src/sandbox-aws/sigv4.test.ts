// Goal: signatures are computed as AWS documents them, not merely as one SDK happens to. Method: the examples of AWS's own signing
// documentation, sent byte by byte with the signatures printed there. Doubles: none.
import { ACCOUNT, ALLOW_ALL, startWorld } from './fixtures';
import { sendRaw } from './raw-request';
import type { SandboxAws } from './start-sandbox-aws';

describe('AWS’s published signatures', () => {
  const scope = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const signed = (names: string, signature: string): string =>
    `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${signature}`;
  const basics = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' };
  let documented: SandboxAws;

  beforeAll(async () => {
    documented = await startWorld({ nowMs: () => Date.UTC(2013, 4, 24) });
    documented.seed({
      accounts: [ACCOUNT],
      users: [
        {
          account: ACCOUNT,
          name: 'documentation',
          accessKeys: [
            {
              accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
              secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
            },
          ],
          policies: [ALLOW_ALL],
        },
      ],
      buckets: [{ name: 'examplebucket', region: 'us-east-1', account: ACCOUNT }],
    });
  });

  afterAll(async () => {
    await documented.stop();
  });

  test('PUT object, in virtual-host style, with a character that needs encoding', async () => {
    const names = 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class';
    const signature = '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd';
    const answer = await sendRaw({
      port: documented.port,
      method: 'PUT',
      path: '/test%24file.text',
      headers: {
        ...basics,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        authorization: signed(names, signature),
      },
      body: 'Welcome to Amazon S3.',
    });
    expect(answer.text).toBe('');
    expect(answer.httpStatus).toBe(200);
    expect(documented.object('examplebucket', 'test$file.text')).toMatchObject({
      storageClass: 'REDUCED_REDUNDANCY',
      contentBytes: 21,
    });
  });

  test('GET object with a range', async () => {
    const signature = 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41';
    const answer = await sendRaw({
      port: documented.port,
      path: '/test.txt',
      headers: {
        ...basics,
        range: 'bytes=0-9',
        'x-amz-content-sha256': empty,
        authorization: signed('host;range;x-amz-content-sha256;x-amz-date', signature),
      },
    });
    expect(answer.httpStatus).toBe(404);
    expect(answer.text).toContain('NoSuchKey');
  });

  test('GET bucket with a query', async () => {
    const signature = '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7';
    const answer = await sendRaw({
      port: documented.port,
      path: '/?max-keys=2&prefix=J',
      headers: {
        ...basics,
        'x-amz-content-sha256': empty,
        authorization: signed('host;x-amz-content-sha256;x-amz-date', signature),
      },
    });
    // Signed rightly: what is missing is version 1 of the listing, not the permission.
    expect(answer.httpStatus).toBe(501);
  });

  describe('PUT in signed chunks', () => {
    const chunks = [
      [
        '10000',
        'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
        'a'.repeat(65_536),
      ],
      [
        '400',
        '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
        'a'.repeat(1_024),
      ],
      ['0', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9', ''],
    ] as const;
    const body = chunks
      .map(([size, signature, data]) => `${size};chunk-signature=${signature}\r\n${data}\r\n`)
      .join('');
    const names =
      'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class';
    const put = (text: string) =>
      sendRaw({
        port: documented.port,
        method: 'PUT',
        path: '/examplebucket/chunkObject.txt',
        headers: {
          host: 's3.amazonaws.com',
          'x-amz-date': '20130524T000000Z',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
          'content-encoding': 'aws-chunked',
          'x-amz-decoded-content-length': '66560',
          'content-length': '66824',
          authorization: signed(
            names,
            '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
          ),
        },
        body: text,
      });

    test('is put together', async () => {
      expect(body).toHaveLength(66_824);
      const answer = await put(body);
      expect(answer.text).toBe('');
      const object = documented.object('examplebucket', 'chunkObject.txt');
      expect(object?.content?.toString()).toBe('a'.repeat(66_560));
      expect(object?.headers).not.toHaveProperty('content-encoding');
    });

    test('is refused when a chunk was changed', async () => {
      const answer = await put(body.replace('aaaa', 'aaba'));
      expect(answer.httpStatus).toBe(403);
      expect(answer.text).toContain('SignatureDoesNotMatch');
    });

    test.each([
      ['a chunk is cut short', body.slice(0, 60_000).padEnd(66_824, '\r')],
      ['a size is no number', body.replace('10000;', '1zzzz;')],
    ])('is refused when %s', async (_name, text) => {
      const answer = await put(text);
      expect(answer.httpStatus).toBeGreaterThanOrEqual(400);
      expect(answer.text).toMatch(/IncompleteBody|SignatureDoesNotMatch/u);
    });
  });
});
