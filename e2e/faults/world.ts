// All of Logferry, several processes of each kind, with the accounts of several customers: what the fault suite breaks and mends.
import type { Ledger } from '@logferry/core';
import { BatchStore, openQueues, patientRedis, type RedisClient } from '@logferry/queue';
import { ConfigStore } from '@logferry/store';
import {
  steadyPort,
  startSandboxAws,
  until,
  type Auth0StandIn,
  type SandboxAws,
  type TakenLogEvents,
} from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appEnvironment, type App } from '../app-environment';
import { Member } from './member';
import { accountSeed, DESTINATIONS, destinationsOf, tenants, type DestinationId } from './tenants';

/** A Redis, or a Redis Cluster, as the world sees it. */
export interface WorldRedis {
  readonly url: string;
  stop(): Promise<void>;
}

export interface WorldOptions<R extends WorldRedis> {
  /** How many processes of each kind; one unless said otherwise. There is one credential broker. */
  processes?: number;
  apps?: readonly App[];
  redis: R;
  /** What processes of a kind are told beside what all of them need. */
  environment?: Partial<Record<App, Readonly<Record<string, string>>>>;
  /** What pollers ask; it ends with the world. */
  auth0?: Auth0StandIn;
}

/** What five minutes without a broker come to, several times over: the oracle looks for every log event in it. */
const KEPT_BYTES_MAX = 4 * 1024 ** 3;

/**
 * A time in which a process that had put a batch may have been kept from settling it, so that the batch is put again. Without a
 * process, all of them were.
 */
export interface CutOff {
  incarnation?: string;
  fromMs: number;
  toMs: number;
  why: string;
}

interface WorldParts<R extends WorldRedis> {
  redis: R;
  aws: SandboxAws;
  taken: TakenLogEvents[];
  members: readonly Member[];
  dir: string;
  brokerTcpPort: number;
  auth0: Auth0StandIn | undefined;
}

/** So that one takes over what another has begun. */
const POLLERS = 2;

export const PIPELINE: readonly App[] = [
  'credential-broker',
  'ingest',
  'cloudwatch-worker',
  's3-worker',
];

export class World<R extends WorldRedis = WorldRedis> {
  readonly redis: R;
  readonly aws: SandboxAws;
  readonly members: readonly Member[];
  /** Every call that put log events, in the order in which they took effect. */
  readonly taken: readonly TakenLogEvents[];
  readonly cutOffs: CutOff[] = [];
  readonly client: RedisClient;
  readonly store: BatchStore;

  private constructor(private readonly parts: WorldParts<R>) {
    this.redis = parts.redis;
    this.aws = parts.aws;
    this.members = parts.members;
    this.taken = parts.taken;
    this.client = patientRedis(this.redis);
    this.client.on('error', () => undefined);
    this.store = new BatchStore(this.client, 0);
  }

  static async start<R extends WorldRedis>(options: WorldOptions<R>): Promise<World<R>> {
    const { redis, processes = 1, apps = PIPELINE } = options;
    const [brokerHttpPort, brokerTcpPort] = await Promise.all([steadyPort(), steadyPort()]);
    const taken: TakenLogEvents[] = [];
    // By the real clock: a scenario may put the sandbox's wrong.
    const onTaken = (call: TakenLogEvents): void =>
      void taken.push({ ...call, takenAtMs: Date.now() });
    const aws = await startSandboxAws({ port: 0, onTaken, keptBytesMax: KEPT_BYTES_MAX });
    const issuerUrl = `http://127.0.0.1:${brokerHttpPort}`;
    for (const tenant of tenants) aws.seed(accountSeed(tenant, issuerUrl));
    const dir = mkdtempSync(join(tmpdir(), 'logferry-faults-'));
    const surroundings = {
      redisUrl: redis.url,
      awsUrl: aws.url,
      brokerHttpPort,
      brokerTcpPort,
      signingKeysDir: join(dir, 'signing-keys'),
    };
    const members: Member[] = [];
    for (const app of apps) {
      const count = app === 'credential-broker' ? 1 : app === 'auth0-poller' ? POLLERS : processes;
      const ingestUrl = members.find((member) => member.app === 'ingest')?.url;
      for (let n = 1; n <= count; n++) {
        const port = app === 'credential-broker' ? brokerHttpPort : await steadyPort();
        const environment = {
          ...appEnvironment(app, port, { ...surroundings, ingestUrl }),
          ...options.environment?.[app],
        };
        members.push(new Member(`${app}-${n}`, { app, port, environment }));
      }
    }
    const { auth0 } = options;
    const world = new World({ redis, aws, taken, members, dir, brokerTcpPort, auth0 });
    try {
      await world.connectCustomers();
      await Promise.all(members.map((member) => member.start()));
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  get brokerTcpPort(): number {
    return this.parts.brokerTcpPort;
  }

  get auth0(): Auth0StandIn | undefined {
    return this.parts.auth0;
  }

  /** The processes of these kinds. */
  of(...apps: App[]): Member[] {
    return this.members.filter(({ app }) => apps.includes(app));
  }

  /** kill -9 of a process, and what it may have put without settling it. */
  async kill(member: Member): Promise<void> {
    const { incarnation } = member;
    await member.kill();
    this.cutOff({
      incarnation,
      fromMs: Date.now(),
      toMs: Date.now(),
      why: `${incarnation} killed`,
    });
  }

  cutOff(cutOff: CutOff): void {
    this.cutOffs.push(cutOff);
  }

  /** As many as there are, of a tenant's destination. */
  ledger(tenantId: string, destinationId: string): Promise<Ledger> {
    return this.store.ledger(tenantId, destinationId);
  }

  async waiting(): Promise<number> {
    return (await this.ledgers()).reduce((sum, { ledger }) => sum + ledger.waiting, 0);
  }

  async ledgers(): Promise<{ tenant: string; destination: DestinationId; ledger: Ledger }[]> {
    return Promise.all(
      tenants.flatMap(({ id }) =>
        DESTINATIONS.map(async (destination) => ({
          tenant: id,
          destination,
          ledger: await this.ledger(id, destination),
        })),
      ),
    );
  }

  /** Waits until something was delivered to every destination: then all of its parts have found each other. */
  async delivering(): Promise<void> {
    const isDelivering = async (): Promise<boolean> =>
      (await this.ledgers()).every(({ ledger }) => ledger.delivered > 0);
    await until(isDelivering, { timeoutMs: 60_000, what: 'something is delivered everywhere' });
  }

  /** Everything runs and nothing is wrong with AWS. What the scenario did to Redis is the scenario's to mend. */
  async mend(): Promise<void> {
    this.aws.clearFaults();
    this.members.forEach((member) => member.resume());
    await Promise.all(this.members.map((member) => member.start()));
  }

  /** Waits until nothing waits any more. With haste, what is put off is brought forward, as the queue UI's "Promote all" does. */
  async settled({ haste, timeoutMs }: { haste: boolean; timeoutMs: number }): Promise<void> {
    const queues = openQueues(this.client, 1).map(({ queue }) => queue);
    try {
      await until(
        async () => {
          if ((await this.waiting()) === 0) return true;
          if (haste) await Promise.all(queues.map((queue) => queue.promoteJobs()));
          return false;
        },
        { timeoutMs, intervalMs: 250, what: 'nothing waits any more' },
      );
    } catch (error) {
      throw new Error(`still waiting: ${await this.describeWaiting()}`, { cause: error });
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
    }
  }

  /** A few of the batches that wait, and why. */
  private async describeWaiting(): Promise<string> {
    const queues = openQueues(this.client, 1);
    const told: object[] = [];
    for (const { queue, sink } of queues) {
      for (const id of await this.client.zrange(`{lf-0}:live:${sink}`, '0', '3')) {
        const batch = await this.store.batch(id);
        if (batch === undefined) continue;
        const { tenantId, state, begun, lastFailure, openedAt } = batch;
        const job = await queue.getJobState(id);
        const ageMs = Date.now() - openedAt;
        told.push({ sink, id, tenantId, state, begun, lastFailure, ageMs, job });
      }
      await queue.close();
    }
    return JSON.stringify(told);
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    this.client.disconnect();
    await Promise.all([this.redis.stop(), this.aws.stop(), this.auth0?.stop()]);
    rmSync(this.parts.dir, { recursive: true, force: true });
  }

  private async connectCustomers(): Promise<void> {
    const config = new ConfigStore(this.client);
    for (const tenant of tenants) {
      await config.putTenant({ id: tenant.id });
      for (const destination of destinationsOf(tenant))
        await config.putDestination(tenant.id, destination);
    }
  }
}
