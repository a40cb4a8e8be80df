import type { Cluster, Redis } from 'ioredis';
import { CONFIG_TAG } from './config-record';

/** What became of the last test, or check, of a destination's connection. */
export interface ConnectionResult {
  /** A check writes nothing. */
  kind: 'test' | 'check';
  outcome: 'passed' | 'failed';
  atMs: number;
  /** Which credentials and target it was of, as a digest: of others it says nothing. */
  triedFor: string;
  /** Whether AWS would let another tenant assume the role. */
  trustsOthers: boolean;
  steps: readonly object[];
}

const RESULTS = `${CONFIG_TAG}:connection-results`;
const WATCH = `${CONFIG_TAG}:connection-watch`;

/** The last result of each destination, in Redis. */
export class ConnectionResults {
  constructor(private readonly redis: Redis | Cluster) {}

  async put(destinationKey: string, result: ConnectionResult): Promise<void> {
    await this.redis.hset(RESULTS, destinationKey, JSON.stringify(result));
  }

  async get(destinationKey: string): Promise<ConnectionResult | undefined> {
    return read(await this.redis.hget(RESULTS, destinationKey));
  }

  async delete(destinationKeys: readonly string[]): Promise<void> {
    if (destinationKeys.length > 0) await this.redis.hdel(RESULTS, ...destinationKeys);
  }

  async all(): Promise<Map<string, ConnectionResult>> {
    const found = new Map<string, ConnectionResult>();
    let cursor = '0';
    do {
      const [next, pairs] = await this.redis.hscan(RESULTS, cursor, 'COUNT', 500);
      cursor = next;
      for (let i = 0; i < pairs.length; i += 2) {
        const result = read(pairs[i + 1] ?? null);
        if (result !== undefined) found.set(pairs[i] ?? '', result);
      }
    } while (cursor !== '0');
    return found;
  }

  /** Whether this process is the one that checks, for so long. It may ask again before that is over. */
  async mayWatch(processId: string, forMs: number): Promise<boolean> {
    if ((await this.redis.set(WATCH, processId, 'PX', forMs, 'NX')) === 'OK') return true;
    if ((await this.redis.get(WATCH)) !== processId) return false;
    await this.redis.pexpire(WATCH, forMs);
    return true;
  }
}

function read(json: string | null): ConnectionResult | undefined {
  return json === null ? undefined : (JSON.parse(json) as ConnectionResult);
}
