import type { RunQueue, Scheduled } from '@logferry/sources';
import type { ConfigStore } from '@logferry/store';

/** What is announced together is looked at together. */
const SOON_MS = 250;
/** Beside what is announced: an announcement may have been missed, or Redis away when it was to be followed. */
const ANYWAY_MS = 60_000;

/** Keeps the schedules of all sources as their configuration wants them. */
export class Schedules {
  private timer: NodeJS.Timeout | undefined;
  private isSoon = false;
  private isStopped = false;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly store: Pick<ConfigStore, 'tenantIds' | 'sources'>,
    private readonly queue: Pick<RunQueue, 'reconcile'>,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.in(0);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Something of the configuration is another now. Who is about to look is not put off: changes may come without a pause. */
  changed(): void {
    if (this.isSoon) return;
    this.isSoon = true;
    this.in(SOON_MS);
  }

  private in(ms: number): void {
    if (this.isStopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), ms);
  }

  private async look(): Promise<void> {
    await this.underWay;
    this.isSoon = false;
    this.underWay = this.reconcile().catch(this.onError);
    await this.underWay;
    if (!this.isSoon) this.in(ANYWAY_MS);
  }

  private async reconcile(): Promise<void> {
    const scheduled: Scheduled[] = [];
    for (const tenantId of await this.store.tenantIds()) {
      const { sources } = await this.store.sources(tenantId);
      for (const { id: sourceId, enabled, schedule, timeZone } of sources)
        if (enabled) scheduled.push({ tenantId, sourceId, schedule, timeZone });
    }
    if (!this.isStopped) await this.queue.reconcile(scheduled);
  }
}
