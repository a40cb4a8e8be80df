// A second opinion: the workers against moto, an AWS that nobody here wrote, with nothing changed but the SDK's own variable. moto
// accepts any identity token, so this is about the wire and the calls, not about trust.
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { steadyPort, until } from '@logferry/testing';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { BUCKET, REGION, Stack } from './stack';

const hasMoto =
  spawnSync('python3', ['-c', 'import moto.server'], { stdio: 'ignore' }).status === 0;
const withMoto = hasMoto ? describe : describe.skip;

withMoto(
  `with moto${hasMoto ? '' : ' (skipped: python3 -m moto.server is not on this machine)'}`,
  () => {
    let moto: ChildProcess;
    let stack: Stack;
    let options: {
      endpoint: string;
      region: string;
      credentials: { accessKeyId: string; secretAccessKey: string };
    };

    beforeAll(async () => {
      const port = await steadyPort();
      const endpoint = `http://127.0.0.1:${port}`;
      moto = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
        stdio: 'ignore',
      });
      await until(
        () =>
          fetch(`${endpoint}/moto-api/data.json`).then(
            (answer) => answer.ok,
            () => false,
          ),
        { timeoutMs: 30_000 },
      );
      const credentials = { accessKeyId: 'reader', secretAccessKey: 'reader' };
      options = { endpoint, region: REGION, credentials };
      const location = { LocationConstraint: REGION } as const;
      await new S3Client({ ...options, forcePathStyle: true }).send(
        new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: location }),
      );
      stack = await Stack.start({
        awsUrl: endpoint,
        apps: ['credential-broker', 'ingest', 'cloudwatch-worker', 's3-worker'],
      });
    }, 90_000);

    afterAll(async () => {
      await stack.stop();
      moto.kill('SIGKILL');
    }, 30_000);

    test('log events arrive in a stream that was created on the way, and in an object', async () => {
      const events = Array.from({ length: 25 }, (_, i) => ({
        id: `m${i}`,
        message: `line ${i} é`,
        attributes: { deploymentId: 'dep-1' },
      }));
      expect(await stack.send(events)).toMatchObject({ status: 202 });
      await stack.settled();

      const logs = new CloudWatchLogsClient(options);
      const stream = {
        logGroupName: 'env0-deployments',
        logStreamName: 'dep-1',
        startFromHead: true,
      };
      const { events: found } = await logs.send(new GetLogEventsCommand(stream));
      expect(found?.map(({ message }) => message)).toEqual(events.map(({ message }) => message));

      const s3 = new S3Client({ ...options, forcePathStyle: true });
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }));
      const bodies = await Promise.all(
        Contents.map(async ({ Key }) =>
          (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body?.transformToString(),
        ),
      );
      const lines = bodies.join('').trim().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(
        events.map(({ id }) => id),
      );
      for (const id of ['cloudwatch', 's3'] as const) {
        expect(await stack.ledger(id)).toMatchObject({ accepted: 25, delivered: 25, waiting: 0 });
      }
    }, 60_000);
  },
);
