import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from './redis';
import { until } from './until';

const SLOTS = 16_384;
const MASTERS = 3;

export interface TestRedisCluster {
  url: string;
  /** The master that has a key. */
  masterOf(key: string): Promise<TestRedis>;
  /** Resolves when a replica has all that the master of a key has now. Sets the key, since Redis waits for writes only. */
  caughtUp(key: string): Promise<void>;
  stop(): Promise<void>;
}

interface ClusterSetup {
  /** Whether each master has a replica that takes its place when it dies. */
  replicas?: boolean;
}

/** Three Redis servers that share the slots between them: enough to prove that every key finds its node. */
export async function startRedisCluster({
  replicas = false,
}: ClusterSetup = {}): Promise<TestRedisCluster> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '1000',
    'repl-diskless-sync-delay': '0', // else each replica waits 5 s for others to come
  };
  const count = replicas ? 2 * MASTERS : MASTERS;
  const nodes = await Promise.all(Array.from({ length: count }, () => startRedis({ settings })));
  const clients = nodes.map((node) => new Redis(node.url));
  try {
    await form(nodes, clients);
  } finally {
    clients.forEach((client) => client.disconnect());
  }
  return {
    url: nodes.map((node) => node.url).join(','),
    masterOf: (key) => masterOf(nodes, key),
    caughtUp: async (key) => caughtUp(await masterOf(nodes, key), key),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function form(nodes: readonly TestRedis[], clients: readonly Redis[]): Promise<void> {
  const masters = clients.slice(0, MASTERS);
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [i, client] of masters.entries())
    await client.cluster('ADDSLOTSRANGE', i * share, Math.min(SLOTS, (i + 1) * share) - 1);
  // Each pair once: two that introduce themselves to each other at the same time take a node's timeout to see that they are known.
  for (const [i, client] of clients.entries())
    for (const node of nodes.slice(i + 1)) await client.cluster('MEET', '127.0.0.1', node.port);
  const isKnown = (info: string): boolean => info.includes(`cluster_known_nodes:${nodes.length}`);
  for (const client of clients)
    await until(async () => isKnown(await client.cluster('INFO')), { what: 'all have met' });
  for (const [i, client] of clients.slice(MASTERS).entries()) {
    const id = String(await masters[i]?.cluster('MYID'));
    await until(() => client.cluster('REPLICATE', id).catch(() => false), {
      what: 'it replicates',
    });
    await until(async () => (await client.info()).includes('master_link_status:up'));
  }
  for (const client of clients) {
    await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'), {
      what: 'the cluster has formed',
    });
  }
}

async function masterOf(nodes: readonly TestRedis[], key: string): Promise<TestRedis> {
  for (const node of nodes) {
    const client = new Redis(node.url, { retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      await client.exists(key); // everybody else says MOVED
      if ((await client.info()).includes('role:master')) return node;
    } catch {
      // not this one
    } finally {
      client.disconnect();
    }
  }
  throw new Error(`no node has ${key}`);
}

async function caughtUp(master: TestRedis, key: string): Promise<void> {
  const client = new Redis(master.url);
  try {
    await client.set(key, '');
    await until(async () => (await client.wait(1, 1_000)) >= 1, {
      timeoutMs: 60_000,
      what: 'a replica has all of it',
    });
  } finally {
    client.disconnect();
  }
}
