import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { mayBeElsewhere } from './redis-trouble';
import { within } from './within';

/** A Redis, or a Redis Cluster: the batch protocol runs on both unchanged. */
export type RedisClient = Redis | Cluster;

export interface RedisAddress {
  /** `redis://` or `rediss://`; several, separated by commas, are the seed nodes of a Redis Cluster. */
  url: string;
}

/** What holds for a connection, and for each of a Redis Cluster's. */
type NodeOptions = Omit<RedisOptions, 'replyMapping'>;

/** Quick: what a connection waits after Redis is back is delay for everyone. */
const reconnectMs = (times: number): number => Math.min(50 * times, 250);

/** How any connection comes back. */
const patience: NodeOptions = {
  maxRetriesPerRequest: null,
  retryStrategy: reconnectMs,
  // A host that is gone answers nothing, and a packet to it is sent again and again: ioredis would wait 10 s for a connection.
  connectTimeout: 2_000,
  // While Redis loads, its own guess of how long it takes would be believed, and that is a second at least.
  maxLoadingRetryTime: 100,
};

/**
 * For whoever must answer somebody: fails at once while Redis is away, and within `timeoutMs` while it hangs.
 *
 * A command that was sent and not answered is never sent again by itself: appending twice would invent log events. It may still
 * have happened, so its sender must be told "not acknowledged", never "did not happen".
 */
export function failFastRedis(address: RedisAddress, timeoutMs = 1_500): RedisClient {
  const cluster = {
    enableOfflineQueue: false,
    // It would send again what it sent to a node that died before it answered.
    retryDelayOnFailover: 0,
    // And ask again for longer than its sender waits.
    retryDelayOnClusterDown: 0,
  };
  return connect(address, cluster, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    // Without an answer for as long as that, whoever answered may be gone for good.
    socketTimeout: 2 * timeoutMs,
    ...patience,
    reconnectOnError: (error) => (mayBeElsewhere(error) ? 1 : false),
  });
}

/**
 * For workers: comes back to Redis however long it was away.
 *
 * A command that has no answer after `timeoutMs`, sent or not, has failed. ioredis loses some at the failover of a Redis Cluster, and
 * whoever waited for one without an end would hold its batch and its slot for good, with the batch's lock kept alive. The limit must be
 * longer than the ten seconds for which BullMQ blocks on purpose.
 */
export function patientRedis(address: RedisAddress, timeoutMs = 30_000): RedisClient {
  // Ten times a second, for a quarter of an hour. With the standard 16 a failover would be an error, and BullMQ would pause for 15 s.
  const cluster = { maxRedirections: 10_000 };
  return connect(address, cluster, {
    ...patience,
    commandTimeout: timeoutMs,
    // BullMQ blocks for ten seconds at most.
    socketTimeout: 20_000,
    // And sends the refused command again: BullMQ would take the refusal for an answer, and pause for 15 s.
    reconnectOnError: (error) => (mayBeElsewhere(error) ? 2 : false),
  });
}

/**
 * Resolves when the connection is there, or after `withinMs`. A process whose connection fails fast would fail its first requests if it
 * said that it is ready before; one that starts while Redis is away starts all the same, and says so.
 */
export async function connected(redis: RedisClient, withinMs = 2_000): Promise<void> {
  if (redis.status === 'ready') return;
  await within(new Promise((resolve) => redis.once('ready', resolve)), withinMs);
}

/** Whether Redis answers now. A connection that is open says nothing of it: a Redis that hangs keeps its connections. */
export async function redisResponds(redis: RedisClient, withinMs = 1_000): Promise<boolean> {
  if (redis.status !== 'ready') return false;
  try {
    return (await within(redis.ping(), withinMs)) !== 'late';
  } catch {
    return false;
  }
}

/** The names of everything that ioredis rejects a command with, but for what has none of its own. */
const REDIS_ERRORS: ReadonlySet<string> = new Set([
  'RedisError',
  'ReplyError',
  'ParserError',
  'AbortError',
  'InterruptError',
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
]);
const TIMED_OUT = 'Command timed out';
const REDIS_MESSAGES: ReadonlySet<string> = new Set([
  'Connection is closed.',
  TIMED_OUT,
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
]);

/** Whether Redis refused a command, did not answer it, or the connection to it ended: its state, not what was asked, is at fault. */
export function isRedisError(error: unknown): boolean {
  if (!(error instanceof Error) || error.message.startsWith('ASSERT')) return false;
  return REDIS_ERRORS.has(error.name) || REDIS_MESSAGES.has(error.message);
}

/** Whether a command's time was up: it may have taken effect, may still do so, or never. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === TIMED_OUT;
}

/** The limit of ioredis begins when a node takes a command. What waits for a node, or is lost on the way to one, would have none. */
class LimitedCluster extends Cluster {
  override sendCommand(...[command, ...where]: Parameters<Cluster['sendCommand']>): unknown {
    const { commandTimeout } = this.options.redisOptions ?? {};
    if (commandTimeout !== undefined) command.setTimeout(commandTimeout);
    return super.sendCommand(command, ...where);
  }
}

function connect(
  { url }: RedisAddress,
  clusterOptions: ClusterOptions,
  options: NodeOptions,
): RedisClient {
  const urls = url.split(',').map((node) => node.trim());
  const [first = url] = urls;
  if (urls.length === 1) return new Redis(first, { ...options });
  const { username, password, protocol } = new URL(first);
  return new LimitedCluster(urls, {
    ...clusterOptions,
    clusterRetryStrategy: reconnectMs,
    redisOptions: {
      ...options,
      // A node that is no master any more says MOVED: a new connection to it would lead nowhere else.
      reconnectOnError: null,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  });
}
