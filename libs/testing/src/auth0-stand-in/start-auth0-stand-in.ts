// Starts a stand-in for Auth0: `/oauth/token` and the logs of the Management API, of as many tenants as are wanted, on one port.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiFaults, type ApiFault, type FaultHandle } from './api-fault';
import { createApiServer } from './api-server';
import { Auth0Tenant, type Auth0TenantOptions } from './auth0-tenant';

export interface Auth0StandInOptions {
  /** On the loopback interface. 0 takes a free one, which is the rule. */
  readonly port?: number;
  /** The time, in epoch milliseconds. */
  readonly nowMs?: () => number;
  readonly tenants?: readonly Auth0TenantOptions[];
}

/** A running stand-in. */
export class Auth0StandIn {
  private readonly tenants: Map<string, Auth0Tenant>;

  constructor(
    private readonly server: Server,
    readonly url: string,
    private readonly parts: {
      readonly tenants: Map<string, Auth0Tenant>;
      readonly faults: ApiFaults;
      readonly nowMs: () => number;
    },
  ) {
    this.tenants = parts.tenants;
  }

  addTenant(options: Auth0TenantOptions): Auth0Tenant {
    const tenant = new Auth0Tenant(options, this.parts.nowMs);
    this.tenants.set(tenant.domain, tenant);
    return tenant;
  }

  tenant(domain: string): Auth0Tenant {
    const tenant = this.tenants.get(domain);
    if (tenant === undefined) throw new RangeError(`There is no tenant ${domain}.`);
    return tenant;
  }

  addFault(fault: ApiFault): FaultHandle {
    return this.parts.faults.add(fault);
  }

  clearFaults(): void {
    this.parts.faults.clear();
  }

  /** Calls under way are cut off, hanging ones too. Stopping twice is harmless. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}

export async function startAuth0StandIn(options: Auth0StandInOptions = {}): Promise<Auth0StandIn> {
  const parts = {
    tenants: new Map<string, Auth0Tenant>(),
    faults: new ApiFaults(),
    nowMs: options.nowMs ?? Date.now,
  };
  const server = createApiServer(parts);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const standIn = new Auth0StandIn(server, `http://127.0.0.1:${port}`, parts);
  for (const tenant of options.tenants ?? []) standIn.addTenant(tenant);
  return standIn;
}
