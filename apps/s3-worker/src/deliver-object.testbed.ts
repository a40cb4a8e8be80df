// Batches of a real Redis, the workers' own way to a session, and an S3 that refuses what S3 refuses.
import { S3Sink, sharedTransport, type ObjectCall, type PutOutcome } from '@logferry/aws';
import {
  Destination,
  objectKey,
  sessionKey,
  type AwsSession,
  type FailureCode,
  type Lane,
} from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  BatchUploads,
  encodeFragment,
  failFastRedis,
  KeyClaims,
  openQueue,
  type Batch,
  type Fragment,
  type PayloadSource,
  type RedisClient,
} from '@logferry/queue';
import { BrokerClient, Secret } from '@logferry/runtime';
import {
  aLogEvent,
  anS3Lane,
  startRedis,
  startSandboxAws,
  startSessionBroker,
  until,
  type SandboxAws,
  type SessionBroker,
  type TestRedis,
} from '@logferry/testing';
import { deliverObject, type ObjectSink } from './deliver-object';
import { MemoryShare } from './memory-share';

export const account = '123456789012';
export const region = 'eu-central-1';
export const bucket = 'acme-logs';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const HOUR_MS = 3_600_000;
export const good: AwsSession = { ...keys, sessionToken: '', expiresAt: Date.now() + HOUR_MS };
export const stale: AwsSession = { ...good, accessKeyId: 'ASIAUNKNOWN000000001' };

export function aDestination(
  over: { enabled?: boolean; region?: string; s3?: object } = {},
): Destination {
  return Destination.parse({
    id: 's3',
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    ...over,
    s3: { bucket, ...over.s3 },
  });
}

export interface Begun {
  batch: Batch;
  payload: PayloadSource;
}

type Put = (call: ObjectCall, put: () => Promise<PutOutcome>) => Promise<PutOutcome>;

/** Starts all of it for the tests of a file, and empties it before each. */
export function useDeliveryTestbed(): DeliveryTestbed {
  const bed = new DeliveryTestbed();
  const endpointBefore = process.env.AWS_ENDPOINT_URL;
  beforeAll(async () => {
    await bed.start();
    process.env.AWS_ENDPOINT_URL = bed.aws.url;
  });
  beforeEach(() => bed.reset());
  afterEach(() => bed.sessions.close());
  afterAll(async () => {
    if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
    else process.env.AWS_ENDPOINT_URL = endpointBefore;
    await bed.stop();
  });
  return bed;
}

class DeliveryTestbed {
  aws!: SandboxAws;
  broker!: SessionBroker;
  sessions!: BrokerClient;
  store!: BatchStore;
  uploads!: BatchUploads;
  /** What the broker answers, in this order; a good session after these. */
  answers: AwsSession[] = [];
  failure: FailureCode | undefined;
  destination: Destination | undefined = aDestination();
  private sink!: S3Sink;
  private server!: TestRedis;
  private redis!: RedisClient;
  private claims!: KeyClaims;
  private producer!: BatchProducer;
  private queue!: ReturnType<typeof openQueue>;
  private readonly memory = new MemoryShare(256 * 1024 * 1024);

  async start(): Promise<void> {
    [this.server, this.aws, this.broker] = await Promise.all([
      startRedis({ settings: { appendonly: 'no' } }),
      startSandboxAws({ port: 0 }),
      startSessionBroker(() =>
        this.failure === undefined
          ? {
              session: this.answers.shift() ?? good,
              issuedFor: sessionKey(this.destination ?? aDestination()),
            }
          : { failure: this.failure },
      ),
    ]);
    this.redis = failFastRedis(this.server, 20_000);
    await until(() => this.redis.status === 'ready');
    this.store = new BatchStore(this.redis, 0);
    this.claims = new KeyClaims(this.redis, 0);
    this.uploads = new BatchUploads(this.redis, 0);
    this.producer = new BatchProducer(this.redis, this.store, {
      groupCommitMs: 1,
      onEnqueueError: (error) => {
        throw error;
      },
    });
    this.queue = openQueue(this.redis, 's3', 0);
  }

  async reset(): Promise<void> {
    await this.redis.flushall();
    this.aws.reset();
    this.aws.seed({ accounts: [account], buckets: [{ name: bucket, region, account }] });
    this.allow('s3:PutObject');
    this.answers = [];
    this.failure = undefined;
    this.broker.asked.length = 0;
    this.destination = aDestination();
    this.sessions = new BrokerClient({
      host: '127.0.0.1',
      port: this.broker.port,
      secret: new Secret('what all workers know'),
      tls: undefined,
    });
    this.sink = new S3Sink(sharedTransport({ requestTimeoutMs: 20_000 }), {
      clientsMax: 10,
      forcePathStyle: true,
    });
  }

  async stop(): Promise<void> {
    await this.producer.close();
    await this.queue.close();
    this.redis.disconnect();
    await Promise.all([this.server.stop(), this.aws.stop(), this.broker.stop()]);
  }

  /** What the session may do, and nothing else. */
  readonly allow = (...actions: string[]): void => {
    const allow = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
    };
    this.aws.seed({
      users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
    });
  };

  readonly aBatch = (messages: readonly string[] = ['one', 'two']): Promise<Begun> => {
    const lane = anS3Lane({ lingerMs: 900_000 });
    const fragments = messages.map((message) => encodeFragment(lane, aLogEvent({ message })));
    return this.aBatchOf(lane, [fragments]);
  };

  /** @param commits what is committed together, one after the other */
  readonly aBatchOf = async (lane: Lane, commits: readonly Fragment[][]): Promise<Begun> => {
    for (const fragments of commits) {
      const fragmentsByLane = new Map([[lane, fragments]]);
      await this.producer.append({ fragmentsByLane, filteredByTenant: new Map() }, 100);
    }
    const [job] = await until(async () => {
      const delayed = await this.queue.getDelayed();
      return delayed.length === 1 && delayed;
    });
    return this.begin(job?.id ?? '');
  };

  readonly begin = async (batchId: string): Promise<Begun> => {
    const begun = await this.store.begin(batchId);
    if (begun?.verdict !== 'go') throw new Error(`${batchId} is not to be delivered`);
    return begun;
  };

  /** @param put what happens around each put that the sink is asked for */
  readonly deliver = ({ batch, payload }: Begun, put: Put = (_, go) => go()): Promise<unknown> => {
    const sink: ObjectSink = {
      put: (...args) => put(args[1], () => this.sink.put(...args)),
      putStream: (...args) => put(args[1], () => this.sink.putStream(...args)),
      abort: (...args) => this.sink.abort(...args),
    };
    const directory = {
      destination: () => Promise.resolve(this.destination),
      hasWideRole: () => Promise.resolve(false),
    };
    const { sessions, claims, uploads, memory } = this;
    return deliverObject(directory, { sessions, sink, claims, uploads, memory })(batch, payload);
  };

  readonly nthKey = ({ batch }: Begun, n: number): string => {
    const { target } = batch;
    return objectKey(target.sink === 's3' ? target.key : '', batch.firstMs, batch.id, n);
  };

  readonly storedKeys = (from = bucket): string[] => this.aws.objects(from).map(({ key }) => key);

  readonly textOf = (key: string): string | undefined =>
    this.aws.object(bucket, key)?.content?.toString();

  /** Puts an object of somebody else where a batch's nth object would go. */
  readonly takeKey = async (begun: Begun, n: number, into = bucket): Promise<void> => {
    const access = { destinationKey: 'stranger', region, session: { ...good } };
    const call: ObjectCall = {
      bucket: into,
      key: this.nthKey(begun, n),
      compression: 'none',
      contentType: 'text/plain',
      encryption: { kind: 'bucket' },
      storageClass: 'STANDARD',
      checksum: 'CRC32',
      bucketOwner: undefined,
    };
    await this.sink.put(access, call, Buffer.from("a stranger's"));
  };
}
