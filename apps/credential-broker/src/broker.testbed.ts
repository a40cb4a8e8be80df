// The whole broker in this process on a real Redis, asked by the workers' and the console's own clients. STS is the sandbox's, which
// verifies our tokens through the broker's discovery document as AWS does.
import type { AwsSession, Destination } from '@logferry/core';
import { patientRedis, type RedisClient } from '@logferry/queue';
import { BrokerClient, BrokerDesk, Secret, type RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  steadyPort,
  startRedis,
  startSandboxAws,
  until,
  withEnvironment,
  type SandboxAws,
  type TestRedis,
} from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from './main';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-central-1';
export const SECRET = 'what all of ours know';

interface BrokerTestbedOptions {
  tenants: readonly string[];
  /** What the broker is told beside what it needs. */
  environment?: Readonly<Record<string, string>>;
  /** What this process is told, whose AWS identity is the broker's. */
  identity?: Readonly<Record<string, string>>;
}

/** Starts all of it for the tests of a file. Each test begins with an AWS in which there is nothing. */
export function useBrokerTestbed(options: BrokerTestbedOptions): BrokerTestbed {
  const bed = new BrokerTestbed(options);
  beforeAll(() => bed.start());
  beforeEach(() => bed.aws.reset());
  afterEach(() => bed.closeClients());
  afterAll(() => bed.stop());
  return bed;
}

export class BrokerTestbed {
  server!: TestRedis;
  redis!: RedisClient;
  store!: ConfigStore;
  aws!: SandboxAws;
  url!: string;
  tcpPort!: number;
  private broker!: RunningApp;
  private readonly dir = mkdtempSync(join(tmpdir(), 'logferry-broker-'));
  private readonly environmentBefore = { ...process.env };
  private clients: { close(): void }[] = [];

  constructor(private readonly options: BrokerTestbedOptions) {}

  async start(): Promise<void> {
    const { tenants, environment, identity } = this.options;
    const httpPort = await steadyPort();
    this.tcpPort = await steadyPort();
    this.url = `http://127.0.0.1:${httpPort}`;
    [this.server, this.aws] = await Promise.all([
      startRedis({ settings: { appendonly: 'no' } }),
      startSandboxAws({ port: 0 }),
    ]);
    Object.assign(process.env, { AWS_ENDPOINT_URL: this.aws.url, ...identity });
    this.broker = await withEnvironment(
      {
        REDIS_URL: this.server.url,
        LOGFERRY_LOG_LEVEL: 'silent',
        LOGFERRY_BROKER_HTTP_PORT: String(httpPort),
        LOGFERRY_BROKER_TCP_PORT: String(this.tcpPort),
        LOGFERRY_BROKER_SECRET: SECRET,
        LOGFERRY_BROKER_ISSUER_URL: this.url,
        LOGFERRY_BROKER_SIGNING_KEYS_DIR: this.signingKeysDir,
        ...environment,
      },
      startBroker,
    );
    this.redis = patientRedis(this.server);
    this.redis.on('error', () => undefined); // some tests kill the server
    await until(() => this.redis.status === 'ready');
    this.store = new ConfigStore(this.redis);
    for (const id of tenants) await this.store.putTenant({ id });
  }

  get signingKeysDir(): string {
    return join(this.dir, 'keys');
  }

  /** As a worker asks. It is closed after the test. */
  client(secret = SECRET): BrokerClient {
    return this.closing(new BrokerClient(this.address(secret)));
  }

  /** As the console asks. It is closed after the test. */
  desk(secret = SECRET): BrokerDesk {
    return this.closing(new BrokerDesk(this.address(secret)));
  }

  /** A session of a destination that was just stored: the broker hears of it within a second. */
  session(tenantId: string, destination: Destination): Promise<AwsSession> {
    const client = this.client();
    return until(() =>
      client.session(tenantId, destination).catch((error: { code: string }) => {
        if (error.code !== 'destination.missing') throw error;
        return false as const;
      }),
    );
  }

  closeClients(): void {
    for (const client of this.clients.splice(0)) client.close();
  }

  async stop(): Promise<void> {
    await this.broker.close();
    this.redis.disconnect();
    await Promise.all([this.server.stop(), this.aws.stop()]);
    rmSync(this.dir, { recursive: true });
    for (const name of Object.keys(process.env))
      if (!(name in this.environmentBefore)) delete process.env[name];
    Object.assign(process.env, this.environmentBefore);
  }

  private address(secret: string) {
    return { host: '127.0.0.1', port: this.tcpPort, secret: new Secret(secret), tls: undefined };
  }

  private closing<T extends { close(): void }>(client: T): T {
    this.clients.push(client);
    return client;
  }
}
