// A poller's runs in a test: a real Redis, a stand-in for Auth0, and an ingest that does with Idempotency-Keys what ingest does, and that
// a test can hold.
import { fetchClientToken } from '@logferry/auth0';
import { Destination, Source, type Notification, type SourceRun } from '@logferry/core';
import { patientRedis, type RedisClient } from '@logferry/queue';
import { Metrics, openLogger, Secret } from '@logferry/runtime';
import { SourceRuns, type RunJob } from '@logferry/sources';
import {
  startAuth0StandIn,
  startRedis,
  type Auth0StandIn,
  type Auth0Tenant,
  type TestRedis,
} from '@logferry/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { PollerMetrics } from './poller-metrics';
import { RunSource, type RunSourceParts } from './run-source';

export const DOMAIN = 'acme.eu.auth0.com';
export const PLACE = { tenantId: 'acme', sourceId: 'auth0' } as const;
export const CLIENT = { clientId: 'a-client', clientSecret: 'a secret of Auth0' };

export interface TakenEvent {
  id?: string;
  time?: number;
  level?: string;
  attributes: Record<string, string>;
  message: { log_id: string; type: string; date: string };
}

export interface IngestAnswer {
  status: number;
  body?: object;
  headers?: Record<string, string>;
}

/** Takes what is not there yet by its key, as ingest does. */
export class TestIngest {
  readonly taken: TakenEvent[] = [];
  readonly requests: { key: string; query: string; bodyBytes: number }[] = [];
  /** What a test wants answered instead, or before it is taken. */
  answer: (events: readonly TakenEvent[]) => IngestAnswer | Promise<IngestAnswer> | undefined =
    () => undefined;
  /** Whether it breaks off instead of answering what it has taken. */
  losesAnswers = false;
  private readonly keys = new Map<string, string>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TestIngest> {
    const server = createServer();
    const ingest = new TestIngest(server);
    server.on('request', (request, response) => {
      void (async () => {
        const body = await text(request);
        const key = String(request.headers['idempotency-key']);
        ingest.requests.push({ key, query: request.url ?? '', bodyBytes: body.length });
        const { status, body: answer = {}, headers = {} } = await ingest.take(key, body);
        if (ingest.losesAnswers) return void request.socket.destroy();
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(answer));
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return ingest;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** In the order in which they were taken. */
  get logIds(): string[] {
    return this.taken.map(({ message }) => message.log_id);
  }

  reset(): void {
    this.taken.length = 0;
    this.requests.length = 0;
    this.keys.clear();
    this.answer = () => undefined;
    this.losesAnswers = false;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(key: string, body: string): Promise<IngestAnswer> {
    const events = body.split('\n').map((line) => JSON.parse(line) as TakenEvent);
    const instead = await this.answer(events);
    if (instead !== undefined) return instead;
    const before = this.keys.get(key);
    if (before !== undefined && before !== body)
      return { status: 422, body: { code: 'request.idempotency_key_reused' } };
    if (before === undefined) this.taken.push(...events);
    this.keys.set(key, body);
    return { status: 202, body: { accepted: events.length, rejected: [] } };
  }
}

/** One that takes everything. */
export function aDestination(over: object = {}): Destination {
  return Destination.parse({
    id: 'logs',
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
    ...over,
  });
}

export class PollerBed {
  readonly told: Notification[] = [];
  readonly runs: SourceRuns;
  source: Source | undefined;
  destinations: Destination[] = [];
  auth0Tenant!: Auth0Tenant;
  private count = 0;

  private constructor(
    private readonly server: TestRedis,
    readonly redis: RedisClient,
    readonly auth0: Auth0StandIn,
    readonly ingest: TestIngest,
  ) {
    this.runs = new SourceRuns(redis);
  }

  static async start(): Promise<PollerBed> {
    const [server, auth0, ingest] = await Promise.all([
      startRedis({ settings: { appendonly: 'no' } }),
      startAuth0StandIn(),
      TestIngest.start(),
    ]);
    return new PollerBed(server, patientRedis(server), auth0, ingest);
  }

  async reset(): Promise<void> {
    await this.redis.flushall();
    this.auth0.clearFaults();
    this.auth0Tenant = this.auth0.addTenant({ domain: DOMAIN, clients: [CLIENT] });
    this.ingest.reset();
    this.told.length = 0;
    this.configure({});
    this.destinations = [aDestination()];
  }

  configure(over: object): void {
    this.source = Source.parse({
      id: PLACE.sourceId,
      type: 'auth0',
      domain: DOMAIN,
      clientId: CLIENT.clientId,
      sealedSecret: `v1.1.${'A'.repeat(16)}.${'B'.repeat(30)}`,
      ...over,
    });
  }

  /** What is configured. */
  readonly known = {
    source: (): Promise<Source | undefined> => Promise.resolve(this.source),
    tenant: (): Promise<{ destinations: Destination[] }> =>
      Promise.resolve({ destinations: this.destinations }),
  };

  /** A poller; two of them are two processes but for their memory. */
  poller(over: Partial<RunSourceParts> = {}): RunSource {
    const metrics = new Metrics('auth0-poller', undefined);
    const reach = { domains: '.auth0.com', endpointUrl: this.auth0.url };
    const token = async (): Promise<string> =>
      (await fetchClientToken(reach, { domain: DOMAIN, ...CLIENT }, 20_000)).accessToken;
    return new RunSource({
      redis: this.redis,
      directory: this.known,
      store: this.known,
      tokens: { token },
      runs: this.runs,
      notify: (notification) => {
        this.told.push(notification);
        return Promise.resolve();
      },
      ingest: { url: this.ingest.url, key: new Secret('a key of the platform'), timeoutMs: 20_000 },
      reach,
      metrics: new PollerMetrics(metrics),
      log: openLogger('auth0-poller', 'silent'),
      bounds: { runsMax: 1_000, ageMsMax: 86_400_000 },
      requestTimeoutMs: 20_000,
      holdMs: 1_500,
      ...over,
    });
  }

  job(over: Partial<RunJob> = {}): RunJob & { runId: string } {
    return { kind: 'now', ...PLACE, ...over, runId: over.runId ?? `run-${++this.count}` };
  }

  /** Runs it once, and tells what was written down of it. */
  async run(over: Partial<RunJob> = {}, poller = this.poller()): Promise<SourceRun> {
    const job = this.job(over);
    await poller.run(job);
    const run = await this.runs.run(PLACE, job.runId);
    if (run === undefined) throw new Error('the run is written down');
    return run;
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await Promise.all([this.server.stop(), this.auth0.stop(), this.ingest.stop()]);
  }
}
