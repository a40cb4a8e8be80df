import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

interface TransportOptions {
  /**
   * To one host, over all destinations: for CloudWatch Logs and STS a Region, for S3 a bucket. A batch is one call at a time, so 256
   * let eight times a worker's usual concurrency go at once; with a higher one, calls wait here.
   */
  socketsMax: number;
  connectionTimeoutMs: number;
  /** Until the whole answer is there; after that the call counts as unanswered, whatever AWS made of it. */
  requestTimeoutMs: number;
}

/** Of those, kept open while nothing is to be sent: twice a worker's usual concurrency, so that after a lull nobody shakes hands anew. */
const IDLE_SOCKETS_MAX = 64;

const standard: TransportOptions = {
  socketsMax: 256,
  connectionTimeoutMs: 3_000,
  requestTimeoutMs: 30_000,
};

/**
 * One pool of connections for all SDK clients of a process. Each destination has a client of its own (its own credentials, its own
 * retry budget), and thousands of clients must not mean thousands of idle sockets.
 *
 * @returns a request handler that outlives the clients it is given to
 */
export function sharedTransport(options: Partial<TransportOptions> = {}): NodeHttpHandler {
  const { socketsMax, connectionTimeoutMs, requestTimeoutMs } = { ...standard, ...options };
  const agentOptions = {
    keepAlive: true,
    maxSockets: socketsMax,
    maxFreeSockets: IDLE_SOCKETS_MAX,
  };
  return new SharedHandler({
    httpAgent: new HttpAgent(agentOptions),
    httpsAgent: new HttpsAgent(agentOptions),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
  });
}

/** A client that is evicted destroys its handler; this one is not its own to destroy. */
class SharedHandler extends NodeHttpHandler {
  override destroy(): void {
    // The sockets close by themselves when they have been idle for a while.
  }
}
