import { Unreadable, type Directory, type TenantRecord } from '@logferry/store';
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

  /**
   * Nothing is taken for a tenant of whom anything cannot be read: nobody knows which log events a destination wants that cannot be
   * read, and what was accepted without it, it would never have.
   */
  async findTenant(tenantId: string): Promise<TenantRecord | 'unreadable' | undefined> {
    try {
      return await this.directory.tenant(tenantId);
    } catch (error) {
      if (error instanceof Unreadable) return 'unreadable';
      throw error;
    }
  }

  isFull(tenantId: string): boolean {
    return this.backlog.isFull(tenantId);
  }
}
