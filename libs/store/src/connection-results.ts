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
  steps: readonly object[];
}

const RESULTS = `${CONFIG_TAG}:connection-results`;
const WATCH = `${CONFIG_TAG}:connection-watch`;

/** A result goes with its destination (write-script.ts). A test that ends later must not leave one behind. */
const putScript = `
local tenant, destination = string.match(ARGV[1], '^(.+)/(.+)$')
if redis.call('HEXISTS', KEYS[1] .. ':destinations:' .. tenant, destination) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1`;

interface Scripts {
  lfPutConnectionResult(
    tag: string,
    results: string,
    destinationKey: string,
    json: string,
  ): Promise<number>;
}

/** The last result of each destination, in Redis. */
export class ConnectionResults {
  private readonly scripts: Scripts;

  constructor(private readonly redis: Redis | Cluster) {
    redis.defineCommand('lfPutConnectionResult', { numberOfKeys: 2, lua: putScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** False if there is no such destination any more, of which nothing is remembered then. */
  async put(destinationKey: string, result: ConnectionResult): Promise<boolean> {
    const json = JSON.stringify(result);
    const put = this.scripts.lfPutConnectionResult(CONFIG_TAG, RESULTS, destinationKey, json);
    return (await put) === 1;
  }

  async get(destinationKey: string): Promise<ConnectionResult | undefined> {
    return read(await this.redis.hget(RESULTS, destinationKey));
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
