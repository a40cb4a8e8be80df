// Starts a sandbox AWS: one HTTP server that speaks CloudWatch Logs, STS and S3 and refuses what AWS refuses.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SANDBOX } from './limits';
import { isLoopbackHost } from './loopback';
import { SandboxControl } from './sandbox-control';
import { createSandboxServer } from './sandbox-server';
import { SandboxState } from './sandbox-state';
import type { SandboxSeed } from './seed';
import type { TakenLogEvents } from './taken-log-events';

export interface SandboxAwsOptions {
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  /** 4566 unless said otherwise; 0 takes a free one. */
  readonly port?: number;
  /** Must be true for a host that is not loopback: whoever reaches the sandbox can read what was sent to it. */
  readonly isRemoteAllowed?: boolean;
  /** Names under which virtual-host style requests come in, as `bucket.NAME`. `localhost` is always among them. */
  readonly hostnames?: readonly string[];
  /** The time, in epoch milliseconds. */
  readonly nowMs?: () => number;
  /** What is kept of events and objects; beyond it the oldest is dropped, and counted. */
  readonly keptBytesMax?: number;
  readonly objectBytesMax?: number;
  /** Whether calls per second are bounded as AWS bounds them. They are, unless said otherwise. */
  readonly hasQuotas?: boolean;
  readonly seed?: SandboxSeed;
  /** Told of every PutLogEvents call that took effect, in the order in which they did. */
  readonly onTaken?: (taken: TakenLogEvents) => void;
}

/** A running sandbox. */
export class SandboxAws extends SandboxControl {
  readonly url: string;

  constructor(
    state: SandboxState,
    private readonly server: Server,
    readonly host: string,
    readonly port: number,
  ) {
    super(state);
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  }

  /** Calls under way are cut off, hanging ones too. Stopping twice is harmless. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
      this.server.closeAllConnections();
    });
  }
}

export async function startSandboxAws(options: SandboxAwsOptions = {}): Promise<SandboxAws> {
  const host = options.host ?? '127.0.0.1';
  if (
    !isLoopbackHost(host.includes(':') ? `[${host}]` : host) &&
    options.isRemoteAllowed !== true
  ) {
    throw new Error(
      `The sandbox listens on ${host} only when remote access is allowed: whoever reaches it can read what was sent to it.`,
    );
  }
  const state = new SandboxState(
    options.nowMs ?? Date.now,
    options.keptBytesMax ?? SANDBOX.keptBytesMax,
    options.hasQuotas,
  );
  state.onTaken = options.onTaken;
  const server = createSandboxServer({
    state,
    control: new SandboxControl(state),
    hostnames: ['localhost', ...(options.hostnames ?? [])],
    objectBytesMax: options.objectBytesMax ?? SANDBOX.objectBytesMax,
  });
  // The seed is checked before the port is taken: a bad one must not leave a server behind.
  if (options.seed !== undefined) new SandboxControl(state).seed(options.seed);
  await listen(server, host, options.port ?? 4566);
  return new SandboxAws(state, server, host, (server.address() as AddressInfo).port);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
