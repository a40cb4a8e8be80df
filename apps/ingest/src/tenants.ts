import type { Directory, TenantRecord } from '@logferry/store';
import type { TenantBacklog } from './tenant-backlog';

/** What ingest knows of tenants: how they are configured, and which of them have to wait. */
export class Tenants {
  constructor(
    private readonly directory: Directory,
    private readonly backlog: TenantBacklog,
  ) {}

  start(): void {
    this.directory.start();
  }

  stop(): void {
    this.directory.stop();
    this.backlog.stop();
  }

  findTenant(tenantId: string): Promise<TenantRecord | undefined> {
    return this.directory.tenant(tenantId);
  }

  isFull(tenantId: string): boolean {
    return this.backlog.isFull(tenantId);
  }
}
