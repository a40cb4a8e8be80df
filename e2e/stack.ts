// All of Logferry for a test: real processes, a real Redis, and an AWS that refuses what AWS refuses. Everything in it may be killed
// and started again on the same port with the same data.
import { Destination, type Ledger } from '@logferry/core';
import { BatchStore, patientRedis, type RedisClient } from '@logferry/queue';
import { ConfigStore } from '@logferry/store';
import {
  customerAccount,
  steadyPort,
  startBuiltApp,
  startRedis,
  startSandboxAws,
  until,
  type BuiltApp,
  type SandboxAws,
  type TestRedis,
} from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appEnvironment, APPS, CONSOLE_PASSWORD, PLATFORM_KEY, type App } from './app-environment';

export const TENANT = 'acme';
export const ACCOUNT = '123456789012';
export const REGION = 'eu-central-1';
export const BUCKET = 'acme-logs';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/logferry`;

interface StackOptions {
  /** Another AWS than the sandbox: its address. */
  awsUrl?: string;
  apps?: readonly App[];
  /** What processes are told beside what all of them need. */
  environment?: Partial<Record<App, Readonly<Record<string, string>>>>;
}

interface StackParts {
  redis: TestRedis;
  aws: SandboxAws;
  awsUrl: string;
  ports: Record<App, number>;
  brokerTcpPort: number;
  dir: string;
  environment: NonNullable<StackOptions['environment']>;
}

export interface ApiAnswer<T> {
  status: number;
  body: T;
}

export class Stack {
  readonly redis: TestRedis;
  readonly aws: SandboxAws;
  private readonly running = new Map<App, BuiltApp>();
  private readonly client: RedisClient;
  private readonly store: BatchStore;

  private constructor(private readonly parts: StackParts) {
    this.redis = parts.redis;
    this.aws = parts.aws;
    this.client = patientRedis(this.redis);
    this.client.on('error', () => undefined);
    this.store = new BatchStore(this.client, 0);
  }

  static async start({ awsUrl, apps = APPS, environment = {} }: StackOptions = {}): Promise<Stack> {
    const ports = Object.fromEntries(
      await Promise.all(APPS.map(async (app) => [app, await steadyPort()])),
    ) as Record<App, number>;
    const seed = customerAccount({
      account: ACCOUNT,
      region: REGION,
      issuerUrl: `http://127.0.0.1:${ports['credential-broker']}`,
      tenantId: TENANT,
      roleArn: ROLE,
      bucket: BUCKET,
      logGroups: ['env0-*'],
    });
    const [redis, aws] = await Promise.all([startRedis(), startSandboxAws({ port: 0, seed })]);
    const dir = mkdtempSync(join(tmpdir(), 'logferry-e2e-'));
    const stack = new Stack({
      redis,
      aws,
      awsUrl: awsUrl ?? aws.url,
      ports,
      brokerTcpPort: await steadyPort(),
      dir,
      environment,
    });
    try {
      await stack.connectCustomer();
      await Promise.all(apps.map((app) => stack.startApp(app)));
      await until(() => stack.isReady(apps), { what: 'ingest and console are ready' });
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  get ingestUrl(): string {
    return this.url('ingest');
  }

  get consoleUrl(): string {
    return this.url('console');
  }

  get brokerTcpPort(): number {
    return this.parts.brokerTcpPort;
  }

  get signingKeysDir(): string {
    return join(this.parts.dir, 'signing-keys');
  }

  url(app: App): string {
    return `http://127.0.0.1:${this.parts.ports[app]}`;
  }

  async startApp(app: App): Promise<void> {
    const { redis, awsUrl, ports, brokerTcpPort, environment } = this.parts;
    const shared = appEnvironment(app, ports[app], {
      redisUrl: redis.url,
      awsUrl,
      brokerHttpPort: ports['credential-broker'],
      brokerTcpPort,
      signingKeysDir: this.signingKeysDir,
    });
    // A machine that stands still for a while is no Redis that is away.
    const patient: Record<string, string> =
      app === 'ingest' ? { LOGFERRY_INGEST_REDIS_TIMEOUT_MS: '10000' } : {};
    const started = startBuiltApp(app, { ...shared, ...patient, ...environment[app] });
    this.running.set(app, started);
    await started.ready;
  }

  /** kill -9. */
  async kill(app: App): Promise<void> {
    await this.running.get(app)?.stop();
  }

  output(app: App): string {
    return this.running.get(app)?.output() ?? '';
  }

  /** Sends log events of the tenant; undefined if nobody answered, so that nothing is known of them. */
  async send(
    events: readonly object[],
    type = 'deployment',
  ): Promise<{ status: number; body: unknown } | undefined> {
    try {
      const response = await fetch(`${this.ingestUrl}/v1/tenants/${TENANT}/events?type=${type}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${PLATFORM_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(events),
        signal: AbortSignal.timeout(30_000),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return undefined;
    }
  }

  /** What the console answers to somebody who is logged in. */
  async console(path: string, init: RequestInit = {}): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`admin:${CONSOLE_PASSWORD}`).toString('base64')}`;
    return fetch(`${this.consoleUrl}${path}`, {
      ...init,
      headers: { ...init.headers, authorization },
    });
  }

  /** What the console's API answers about the tenant. */
  async tenantApi<T>(path: string, method = 'GET', body?: object): Promise<ApiAnswer<T>> {
    const answer = await this.console(`/v1/tenants/${TENANT}${path}`, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  ledger(destinationId: 'cloudwatch' | 's3'): Promise<Ledger> {
    return this.store.ledger(TENANT, destinationId);
  }

  /** The messages of a log stream, in the order in which AWS shows them. */
  messages(stream: string, group = 'env0-deployments'): string[] {
    return this.aws
      .logEvents({ account: ACCOUNT, region: REGION, group, stream })
      .map(({ message }) => message);
  }

  /** Every line of every object, in the order of keys. */
  objectLines(): {
    key: string;
    event: { id?: string; message: unknown; time: string; type: string };
  }[] {
    return this.aws.objects(BUCKET).flatMap(({ key, content }) =>
      (content?.toString() ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({
          key,
          event: JSON.parse(line) as ReturnType<Stack['objectLines']>[number]['event'],
        })),
    );
  }

  /** Waits until neither destination has anything waiting. */
  async settled(timeoutMs = 60_000): Promise<void> {
    await until(
      async () => {
        const ledgers = await Promise.all([this.ledger('cloudwatch'), this.ledger('s3')]);
        return ledgers.every(({ accepted, waiting }) => accepted > 0 && waiting === 0);
      },
      { timeoutMs, intervalMs: 50, what: 'nothing waits any more' },
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((app) => app.stop()));
    this.client.disconnect();
    await Promise.all([this.redis.stop(), this.aws.stop()]);
    rmSync(this.parts.dir, { recursive: true, force: true });
  }

  private async isReady(apps: readonly App[]): Promise<boolean> {
    const asked = apps.filter((app) => app === 'ingest' || app === 'console');
    const answers = await Promise.all(
      asked.map((app) => fetch(`${this.url(app)}/health/ready`).catch(() => undefined)),
    );
    return answers.every((answer) => answer?.status === 200);
  }

  private async connectCustomer(): Promise<void> {
    const store = new ConfigStore(this.client);
    const shared = {
      preset: 'env0',
      region: REGION,
      credentials: { kind: 'web_identity', roleArn: ROLE },
    };
    await store.putTenant({ id: TENANT });
    await store.putDestination(
      TENANT,
      Destination.parse({
        ...shared,
        id: 'cloudwatch',
        type: 'cloudwatch',
        cloudwatch: { lingerMs: 200 },
      }),
    );
    await store.putDestination(
      TENANT,
      Destination.parse({ ...shared, id: 's3', type: 's3', s3: { bucket: BUCKET, lingerMs: 200 } }),
    );
  }
}
