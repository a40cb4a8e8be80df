// Goal: the sandbox is not the only one to say what AWS does. Each probe says what AWS documents; the sandbox must answer so, and
// so must moto, an emulator by others, except where moto is known to deviate. Method: the same SDK calls against both. Doubles:
// none; where moto is not installed its half is skipped, and says so.
import { ADMIN, startWorld } from './fixtures';
import { LOGS_PROBES } from './logs-probes';
import { isMotoInstalled, startMoto } from './moto-server';
import type { Place, Probe } from './probe';
import { S3_PROBES } from './s3-probes';
import { logs, logsClient, s3, s3Client, stsClient } from './sdk-clients';
import { STS_PROBES } from './sts-probes';

interface Target {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

function judge(start: () => Promise<Target>, isAsked: (probe: Probe) => boolean): void {
  let target: Target;
  let clients: Pick<Place, 'logs' | 's3' | 'sts'>;
  let probes = 0;

  beforeAll(async () => {
    target = await start();
    const { endpoint } = target;
    const credentials = { ...ADMIN };
    clients = {
      logs: logsClient({ endpoint, credentials }),
      s3: s3Client({ endpoint, credentials }),
      sts: stsClient({ endpoint, credentials }),
    };
  }, 90_000);

  afterAll(async () => {
    for (const client of Object.values(clients)) client.destroy();
    await target.stop();
  });

  async function makePlace(): Promise<Place> {
    probes += 1;
    const group = `probe-${String(probes)}`;
    const place = { ...clients, endpoint: target.endpoint, group, bucket: `bucket-${group}` };
    await clients.logs.send(new logs.CreateLogGroupCommand({ logGroupName: group }));
    await clients.logs.send(
      new logs.CreateLogStreamCommand({ logGroupName: group, logStreamName: 's' }),
    );
    await clients.s3.send(new s3.CreateBucketCommand({ Bucket: place.bucket }));
    return place;
  }

  for (const probe of [...LOGS_PROBES, ...S3_PROBES, ...STS_PROBES]) {
    const name = `${probe.name}: ${JSON.stringify(probe.aws) ?? 'nothing'}`;
    if (isAsked(probe)) {
      test(name, async () => {
        expect(await probe.ask(await makePlace())).toEqual(probe.aws);
      });
    } else {
      test.skip(`${name} (moto ${probe.motoDeviates ?? ''})`, () => undefined);
    }
  }
}

describe('the sandbox answers as AWS documents', () => {
  judge(
    async () => {
      const sandbox = await startWorld();
      return { endpoint: sandbox.url, stop: () => sandbox.stop() };
    },
    () => true,
  );
});

if (isMotoInstalled()) {
  describe('moto agrees', () => {
    judge(
      async () => {
        const moto = await startMoto();
        return { endpoint: moto.url, stop: () => moto.stop() };
      },
      (probe) => probe.motoDeviates === undefined,
    );
  });
} else {
  describe.skip('moto is not asked: python3 has no moto.server here', () => {
    test.todo('install moto with its server extra for a second opinion');
  });
}
