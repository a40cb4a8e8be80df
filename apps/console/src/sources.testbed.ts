// A tenant's source over HTTP. The broker's part is played by one that counts what it seals, the poller's by its leases.
import type { RunKind } from '@logferry/core';
import type { RunningApp } from '@logferry/runtime';
import { RunLease } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { ConsoleTestbed } from './console.testbed';

type Reply = ReturnType<Parameters<typeof startSessionBroker>[0]>;

export interface SourceAnswer {
  [field: string]: unknown;
  code?: string;
  problems?: { path: string }[];
  version: number;
}

export const at = { tenantId: 'acme', sourceId: 'auth0' };
export const SOURCES = '/v1/tenants/acme/sources';
export const PATH = `${SOURCES}/auth0`;
export const SECRET = 'the-secret-of-the-client';
export const aSource = { type: 'auth0', domain: 'acme.eu.auth0.com', clientId: 'a-client' };

/** Starts all that is needed for the tests of a file, with two tenants before each. */
export function useSourcesTestbed(): SourcesTestbed {
  const bed = new ConsoleTestbed();
  const sources = new SourcesTestbed(bed);
  beforeAll(async () => {
    await bed.start();
    await sources.start();
  });
  beforeEach(async () => {
    await bed.redis.flushall();
    await sources.makeTenants();
  });
  // A console that ends while Redis is away waits for it.
  afterAll(async () => {
    await sources.stop();
    await bed.stop();
  });
  return sources;
}

export class SourcesTestbed {
  broker!: SessionBroker;
  app!: RunningApp;
  private seals = 0;

  constructor(readonly bed: ConsoleTestbed) {}

  async start(): Promise<void> {
    const sealed = (): unknown => ({
      sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${++this.seals}`,
    });
    this.broker = await startSessionBroker(() => sealed() as Reply);
    this.app = await this.bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(this.broker.port) });
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.broker.stop();
  }

  async makeTenants(): Promise<void> {
    this.broker.asked.length = 0;
    for (const tenant of ['acme', 'globex'])
      await this.bed.call(`/v1/tenants/${tenant}`, { method: 'PUT', body: {} });
  }

  readonly ask = (
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: SourceAnswer }> =>
    this.bed.json<SourceAnswer>(path, {
      method,
      to: this.app,
      headers,
      ...(body === undefined ? {} : { body }),
    });

  readonly put = (over: object = {}, headers?: Record<string, string>) =>
    this.ask('PUT', PATH, { ...aSource, ...over }, headers);

  readonly made = () => this.put({ clientSecret: SECRET });

  readonly sealedNow = async (): Promise<string | undefined> =>
    (await new ConfigStore(this.bed.redis).source('acme', 'auth0'))?.sealedSecret;

  readonly begun = async (id: string, kind: RunKind = 'schedule'): Promise<RunLease> => {
    const feed = { ...at, replayId: kind === 'replay' ? id : undefined };
    const lease = await RunLease.take(this.bed.redis, feed);
    if (lease === undefined) throw new Error('the feed is free');
    await lease.begin({ id, kind, atMs: Date.now() }, aSource.domain);
    return lease;
  };

  readonly ended = async (id: string, failed = false): Promise<void> => {
    const lease = await this.begun(id);
    await lease.settle(
      { checkpoint: `${id}-last`, newestMs: 1_000 },
      { read: 3, accepted: 2, filtered: 1 },
    );
    const error = { code: 'credential.broker_unavailable', message: 'Try again.' } as const;
    const how = failed ? ({ state: 'failed', error } as const) : ({ state: 'succeeded' } as const);
    await lease.end({ ...how, warnings: ['late'], isCaughtUp: !failed, atMs: Date.now() });
  };
}
