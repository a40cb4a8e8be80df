import type { ChannelSecrets } from '@logferry/core';
import { startHookStandIn, startSessionBroker, type HookStandIn } from '@logferry/testing';
import type { RunningApp } from '@logferry/runtime';
import type { ConsoleTestbed } from './console.testbed';

interface Asked {
  tenantId: string;
  channelId?: string;
  plainSecret?: string;
  sealedSecret?: string;
  role?: object;
}

/** A broker that knows what it has sealed, a place where all hooks lead, and consoles that use both. */
export class ChannelsTestbed {
  hooks!: HookStandIn;
  app!: RunningApp;
  private broker!: Awaited<ReturnType<typeof startSessionBroker>>;
  private readonly sealed = new Map<string, string>();
  private seals = 0;

  constructor(private readonly bed: ConsoleTestbed) {}

  async start(): Promise<void> {
    this.hooks = await startHookStandIn();
    this.broker = await startSessionBroker(
      (request) => this.answer(request) as ReturnType<Parameters<typeof startSessionBroker>[0]>,
    );
    this.app = await this.startConsole();
    // It would take messages too, and has no broker to open a channel.
    await this.bed.app.close();
    this.bed.app = this.app;
  }

  async stop(): Promise<void> {
    await Promise.all([this.broker.stop(), this.hooks.stop()]);
  }

  /** Whoever starts one closes it. */
  startConsole(over: Record<string, string> = {}): Promise<RunningApp> {
    return this.bed.startApp({
      LOGFERRY_BROKER_TCP_PORT: String(this.broker.port),
      LOGFERRY_CONSOLE_HOOKS_ENDPOINT_URL: this.hooks.url,
      ...over,
    });
  }

  private answer({ tenantId, channelId = '', plainSecret, sealedSecret, role }: Asked): unknown {
    if (role !== undefined) return { outcome: 'unknown' };
    if (sealedSecret !== undefined) return { sealedSecret }; // with the newest key already
    const owner = `${tenantId}/${channelId}`;
    if (plainSecret !== undefined) {
      this.sealed.set(owner, plainSecret);
      return { sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${++this.seals}` };
    }
    const opened = this.sealed.get(owner);
    return opened === undefined
      ? { failure: 'credential.secret_unreadable' }
      : (JSON.parse(opened) as ChannelSecrets);
  }
}
