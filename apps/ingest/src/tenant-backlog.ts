/** Where it stands how much of Redis a tenant's batches take: one a shard. */
export interface TenantBytes {
  tenantBytes(tenantId: string): Promise<number>;
}

const POLL_MS = 500;
/** A tenant is full until there is room again for more than one request, or it would be full and not full by turns. */
const FREE_SHARE = 0.9;

/**
 * Knows which tenants have more waiting than their share of Redis, so that one whose account takes nothing any more is told to wait
 * before Redis is full and everybody is.
 *
 * An append tells when a tenant has passed its share, which costs no round trip; then it is asked for until it is below it again.
 */
export class TenantBacklog {
  private readonly full = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly shards: readonly TenantBytes[],
    /** A tenant's share of each shard's Redis. */
    readonly bytesMax: () => number,
  ) {}

  isFull(tenantId: string): boolean {
    return this.full.has(tenantId);
  }

  noteFull(tenantId: string): void {
    this.full.add(tenantId);
    this.timer ??= setTimeout(() => void this.poll(), POLL_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.full.clear();
  }

  private async poll(): Promise<void> {
    await Promise.all([...this.full].map((tenantId) => this.check(tenantId)));
    this.timer = this.full.size === 0 ? undefined : setTimeout(() => void this.poll(), POLL_MS);
  }

  private async check(tenantId: string): Promise<void> {
    try {
      const bytes = await Promise.all(this.shards.map((shard) => shard.tenantBytes(tenantId)));
      if (Math.max(...bytes) <= this.bytesMax() * FREE_SHARE) this.full.delete(tenantId);
    } catch {
      // Redis is away, and everybody is told so; this tenant is asked for again.
    }
  }
}
