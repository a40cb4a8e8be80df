/** What one tenant's bodies may take of the whole, if they are more than one. */
const TENANT_SHARE = 0.5;

/**
 * Counts the bytes of bodies that are being read and worked on, all together and by tenant. A tenant whose senders announce bodies
 * and are slow to send them must not keep everybody else out.
 */
export class InFlightBytes {
  private all = 0;
  private readonly byTenant = new Map<string | undefined, number>();

  constructor(private readonly bytesMax: number) {}

  /**
   * Holds so many bytes for a body instead of those that it holds already. One body alone may be larger than all together may be.
   *
   * @param tenantId if a tenant sends it for itself
   * @returns false if that is too much just now; then it holds what it held. Less is never too much
   */
  hold(tenantId: string | undefined, held: number, bytes: number): boolean {
    const others = this.all - held;
    const ownOthers = (this.byTenant.get(tenantId) ?? 0) - held;
    if (bytes > held) {
      if (others > 0 && others + bytes > this.bytesMax) return false;
      const isTenant = tenantId !== undefined;
      if (isTenant && ownOthers > 0 && ownOthers + bytes > this.bytesMax * TENANT_SHARE)
        return false;
    }
    this.all = others + bytes;
    if (ownOthers + bytes > 0) this.byTenant.set(tenantId, ownOthers + bytes);
    else this.byTenant.delete(tenantId);
    return true;
  }
}
