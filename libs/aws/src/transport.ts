import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

interface TransportOptions {
  /** To one host, over all destinations: each Region of each service is one host. */
  socketsMax: number;
  connectionTimeoutMs: number;
  /** Until the whole answer is there; after that the call counts as unanswered, whatever AWS made of it. */
  requestTimeoutMs: number;
}

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
  const agentOptions = { keepAlive: true, maxSockets: socketsMax, maxFreeSockets: 64 };
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
