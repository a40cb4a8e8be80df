// Goal: one sandbox serves many accounts within bounded memory, says what it dropped, and starts and stops cleanly. Method: a
// running sandbox, the real SDK. Doubles: none.
import { ACCOUNT, ADMIN, REGION, startWorld } from './fixtures';
import { sendRaw } from './raw-request';
import { logs, logsClient, refusalOf, s3, s3Client } from './sdk-clients';
import { startSandboxAws } from './start-sandbox-aws';

const REF = { account: ACCOUNT, region: REGION, group: 'g', stream: 's' };
const PLACES = {
  accounts: [ACCOUNT],
  logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', streams: ['s'] }],
  buckets: [{ name: 'the-bucket', region: REGION, account: ACCOUNT }],
};

describe('starting and stopping', () => {
  test('a taken port is an error, and stopping twice is none', async () => {
    const first = await startSandboxAws({ port: 0 });
    await expect(startSandboxAws({ port: first.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await first.stop();
    await first.stop();
    await expect(fetch(first.url)).rejects.toThrow();
  });

  test('a host that others can reach must be allowed', async () => {
    await expect(startSandboxAws({ port: 0, host: '0.0.0.0' })).rejects.toThrow(
      'only when remote access is allowed',
    );
    const open = await startSandboxAws({ port: 0, host: '0.0.0.0', isRemoteAllowed: true });
    expect(open.url).toBe(`http://0.0.0.0:${String(open.port)}`);
    await open.stop();
  });

  test('IPv6’s loopback will do', async () => {
    const sandbox = await startSandboxAws({ port: 0, host: '::1' });
    const answer = await fetch(`${sandbox.url}/_sandbox/health`);
    expect(await answer.json()).toEqual({ status: 'ok' });
    await sandbox.stop();
  });

  test('a bad seed leaves no server behind', async () => {
    const seed = { buckets: [{ name: 'NO', region: REGION, account: ACCOUNT }] };
    await expect(startSandboxAws({ port: 0, seed })).rejects.toThrow(
      'buckets.0.name: is not a bucket name S3 allows',
    );
  });
});

describe('memory', () => {
  test('the oldest events and contents go first, and are counted as dropped', async () => {
    const sandbox = await startWorld({ keptBytesMax: 3_000_000 });
    sandbox.seed(PLACES);
    const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
    const bucket = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
    await bucket.send(
      new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'old', Body: 'x'.repeat(100_000) }),
    );
    for (const letter of ['a', 'b', 'c', 'd']) {
      const logEvents = [{ timestamp: Date.now(), message: letter.repeat(1_000_000) }];
      await client.send(
        new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }),
      );
    }
    expect(sandbox.logEvents(REF).map(({ message }) => message[0])).toEqual(['c', 'd']);
    expect(sandbox.logStream(REF)).toMatchObject({ acceptedEvents: 4, droppedEvents: 2 });
    expect(sandbox.memory().droppedEvents).toBe(2);
    expect(sandbox.memory().keptBytes).toBeLessThanOrEqual(3_000_000);
    expect(sandbox.buckets()[0]).toMatchObject({ objects: 1, droppedObjects: 1 });
    expect(sandbox.object('the-bucket', 'old')).toMatchObject({
      content: undefined,
      contentBytes: 100_000,
    });
    const again = bucket.send(
      new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'old', Body: 'x', IfNoneMatch: '*' }),
    );
    expect(await refusalOf(again)).toMatchObject({ code: 'PreconditionFailed' });
    client.destroy();
    bucket.destroy();
    await sandbox.stop();
  });

  test('what is deleted or overwritten gives its memory back', async () => {
    const sandbox = await startWorld();
    sandbox.seed(PLACES);
    const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
    const bucket = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
    const logEvents = [{ timestamp: Date.now(), message: 'x'.repeat(1_000) }];
    await client.send(
      new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }),
    );
    for (const Body of ['x'.repeat(9_000), 'x']) {
      await bucket.send(new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'key', Body }));
    }
    expect(sandbox.memory().keptBytes).toBeLessThan(4_000);
    sandbox.deleteLogStream(REF);
    sandbox.removeBucket('the-bucket');
    expect(sandbox.memory()).toEqual({ keptBytes: 0, droppedEvents: 0 });
    client.destroy();
    bucket.destroy();
    await sandbox.stop();
  });

  test('a body beyond the bounds is refused and the connection lives on', async () => {
    const sandbox = await startWorld({ objectBytesMax: 1_000 });
    sandbox.seed(PLACES);
    const bucket = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
    const put = (Body: string) =>
      bucket.send(new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'key', Body }));
    await put('x'.repeat(1_000));
    expect(await refusalOf(put('x'.repeat(1_001)))).toMatchObject({ code: 'EntityTooLarge' });
    await put('x');
    const answer = await sendRaw({
      port: sandbox.port,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'x'.repeat(300_000),
    });
    expect(answer.httpStatus).toBe(413);
    bucket.destroy();
    await sandbox.stop();
  });
});

describe('waiting for what will arrive', () => {
  test('ends with the change that makes it true, or says that it did not come', async () => {
    const sandbox = await startWorld();
    sandbox.seed(PLACES);
    const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
    const arrived = sandbox.waitFor(() => sandbox.logEvents(REF).length === 3);
    for (let n = 0; n < 3; n += 1) {
      const logEvents = [{ timestamp: Date.now(), message: String(n) }];
      await client.send(
        new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }),
      );
    }
    await arrived;
    await expect(sandbox.waitFor(() => false, 20)).rejects.toThrow(
      'did not get there within 20 ms',
    );
    const failing = sandbox.waitFor(() => {
      if (sandbox.logStream(REF) === undefined) throw new Error('the stream is gone');
      return false;
    });
    sandbox.deleteLogStream(REF);
    await expect(failing).rejects.toThrow('the stream is gone');
    client.destroy();
    await sandbox.stop();
  });
});

describe('the clock', () => {
  test('can be moved: events age, and signatures with them', async () => {
    const sandbox = await startWorld();
    sandbox.seed(PLACES);
    const client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
    const put = (timestamp: number) => {
      const logEvents = [{ timestamp, message: 'x' }];
      return client.send(
        new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }),
      );
    };
    sandbox.setClockOffset(10 * 60 * 1000);
    expect(
      (await put(Date.now() + 2 * 60 * 60 * 1000 + 60_000)).rejectedLogEventsInfo,
    ).toBeUndefined();
    sandbox.setClockOffset(24 * 60 * 60 * 1000);
    expect(await refusalOf(put(Date.now()))).toMatchObject({ code: 'InvalidSignatureException' });
    client.destroy();
    await sandbox.stop();
  });
});
