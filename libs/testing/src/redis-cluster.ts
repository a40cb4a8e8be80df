import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from './redis';
import { until } from './until';

const SLOTS = 16_384;

/** Three Redis servers that share the slots between them, without replicas: enough to prove that every key finds its node. */
export async function startRedisCluster(): Promise<{ url: string; stop(): Promise<void> }> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' };
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis({ settings })));
  const clients = nodes.map((node) => new Redis(node.url));
  try {
    await form(nodes, clients);
  } finally {
    clients.forEach((client) => client.disconnect());
  }
  return {
    url: nodes.map((node) => node.url).join(','),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function form(nodes: readonly TestRedis[], clients: readonly Redis[]): Promise<void> {
  const share = Math.ceil(SLOTS / clients.length);
  for (const [i, client] of clients.entries()) {
    await client.cluster('ADDSLOTSRANGE', i * share, Math.min(SLOTS, (i + 1) * share) - 1);
    for (const node of nodes) await client.cluster('MEET', '127.0.0.1', node.port);
  }
  for (const client of clients) {
    await until(
      async () => {
        const info = await client.cluster('INFO');
        return (
          info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)
        );
      },
      { what: 'the cluster has formed' },
    );
  }
}
