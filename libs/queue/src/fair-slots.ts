/** Who a slot is taken for. */
export interface SlotFor {
  tenantId: string;
  destinationId: string;
}

/** A slot that was taken, until it is given back. */
export interface Slot {
  give(): void;
}

interface Party {
  /** Slots that count: their calls have not taken long yet. */
  quick: number;
  /** When a slot of it was taken or given back last: one that moves is only busy. */
  movedAt: number;
}

interface Destination extends Party {
  /** Slots whose calls take long, and that count no more. */
  slow: number;
}

interface Tenant extends Party {
  destinations: Map<string, Destination>;
}

interface Waiting {
  who: SlotFor;
  called: (slot: Slot) => void;
}

interface FairSlotsOptions {
  total: number;
  /** A call that takes longer does not keep its slot from others any more. */
  slowMs: number;
  /** For how long a tenant's batches may keep the last places from others, beyond its part. */
  patienceMs: number;
}

/** Memory is the bound: each slot holds its payload. */
const SLOW_FACTOR = 2;

/** How often somebody whose patience is over looks whether its place is wanted. */
const LOOK_MS = 50;

/** How many batches a worker with so many slots may have in hand, those that wait for a slot included. */
export function inHandMax(total: number): number {
  return total * (1 + SLOW_FACTOR);
}

/**
 * Shares a worker's slots among the tenants that are at work, and a tenant's among its destinations: of `total` slots each may hold its
 * part, and one part is always left for whoever comes next. Beyond its part, half of all slots may be in use: those who only come now
 * and then leave most of theirs empty.
 *
 * A call that takes long gets its slot replaced: accounts that do not answer would hold all slots, if there are as many of them, until
 * their calls' time is up. Of those of its own destination it goes on counting, and one all of whose calls take long gets no further
 * slot; and no more than `SLOW_FACTOR` times `total` are replaced.
 *
 * Those who wait have a place in the worker as well. Who floods would have all of them in the end, since a place that is left while
 * nobody else is there is taken by the next batch of the flood; from then on others would only be fetched as slowly as it is delivered.
 */
export class FairSlots {
  private readonly tenants = new Map<string, Tenant>();
  /** Those who wait for a slot: first come first served, of those that may have one. */
  private readonly line: Waiting[] = [];
  private readonly waitingByTenant = new Map<string, number>();
  private destinationsAtWork = 0;
  private tenantsAtWork = 0;
  private quick = 0;
  private slow = 0;

  constructor(private readonly options: FairSlotsOptions) {}

  /**
   * Resolves when the slot is taken; or with nothing when none of that destination's has moved for `stuckMs`, or when its place is
   * wanted for others.
   */
  take(who: SlotFor, stuckMs: number): Promise<Slot | undefined> {
    return this.hasRoom(who) ? Promise.resolve(this.hold(who)) : this.wait(who, stuckMs);
  }

  /** For how long none of a destination's slots has moved, or none of its tenant's if it has none itself. */
  stillMs({ tenantId, destinationId }: SlotFor): number {
    const tenant = this.tenants.get(tenantId);
    const party = tenant?.destinations.get(destinationId) ?? tenant;
    return party === undefined ? 0 : performance.now() - party.movedAt;
  }

  private wait(who: SlotFor, stuckMs: number): Promise<Slot | undefined> {
    const stillMs = this.stillMs(who);
    if (stillMs >= stuckMs) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const until = performance.now() + this.options.patienceMs * (0.5 + Math.random() / 2);
      const waiting: Waiting = {
        who,
        called: (slot) => {
          clearTimeout(timer);
          resolve(slot);
        },
      };
      const look = (): void => {
        const still = this.stillMs(who);
        const patienceMs = until - performance.now();
        if (still < stuckMs && (patienceMs > 0 || !this.isInTheWay(who))) {
          timer = setTimeout(look, nextLookMs(stuckMs - still, patienceMs));
          return;
        }
        this.leaveLine(this.line.indexOf(waiting));
        resolve(undefined);
      };
      let timer = setTimeout(look, nextLookMs(stuckMs - stillMs, this.options.patienceMs));
      this.line.push(waiting);
      const { tenantId } = who;
      this.waitingByTenant.set(tenantId, (this.waitingByTenant.get(tenantId) ?? 0) + 1);
    });
  }

  /** Whether nothing more can be fetched, and this tenant has more waiting than it could use soon. */
  private isInTheWay({ tenantId }: SlotFor): boolean {
    const inHand = this.quick + this.slow + this.line.length;
    if (inHand < inHandMax(this.options.total)) return false;
    return (this.waitingByTenant.get(tenantId) ?? 0) > this.part(this.tenantsAtWork);
  }

  private leaveLine(at: number): void {
    const [waiting] = this.line.splice(at, 1);
    if (waiting === undefined) return;
    const { tenantId } = waiting.who;
    const left = (this.waitingByTenant.get(tenantId) ?? 0) - 1;
    if (left > 0) this.waitingByTenant.set(tenantId, left);
    else this.waitingByTenant.delete(tenantId);
  }

  private hold(who: SlotFor): Slot {
    const { total, slowMs } = this.options;
    this.count(who, { quick: 1, slow: 0 });
    let isSlow = false;
    const look = setInterval(() => {
      if (this.slow >= total * SLOW_FACTOR) return;
      clearInterval(look);
      isSlow = true;
      // Not a move: a call that takes long is what makes a destination stuck.
      const { movedAt } = this.destination(who);
      this.count(who, { quick: -1, slow: 1 });
      this.destination(who).movedAt = movedAt;
      this.callNext();
    }, slowMs);
    return {
      give: () => {
        clearInterval(look);
        this.count(who, isSlow ? { quick: 0, slow: -1 } : { quick: -1, slow: 0 });
        this.callNext();
        this.forgetIfIdle(who);
      },
    };
  }

  private callNext(): void {
    for (let i = 0; i < this.line.length && this.quick < this.options.total; i++) {
      const waiting = this.line[i];
      if (waiting === undefined || !this.hasRoom(waiting.who)) continue;
      this.leaveLine(i--);
      waiting.called(this.hold(waiting.who));
    }
  }

  private count(who: SlotFor, { quick, slow }: { quick: number; slow: number }): void {
    const destination = this.destination(who);
    const tenant = this.tenant(who.tenantId);
    const [tenantBefore, destinationBefore] = [tenant.quick, destination.quick];
    this.quick += quick;
    this.slow += slow;
    tenant.quick += quick;
    destination.quick += quick;
    destination.slow += slow;
    this.tenantsAtWork += Number(tenant.quick > 0) - Number(tenantBefore > 0);
    this.destinationsAtWork += Number(destination.quick > 0) - Number(destinationBefore > 0);
    tenant.movedAt = performance.now();
    destination.movedAt = tenant.movedAt;
  }

  private hasRoom({ tenantId, destinationId }: SlotFor): boolean {
    if (this.quick >= this.options.total) return false;
    const tenant = this.tenants.get(tenantId);
    const destination = tenant?.destinations.get(destinationId);
    const { quick = 0, slow = 0 } = destination ?? {};
    if (quick === 0 && slow > 0) return false;
    const tenants = this.tenantsAtWork + (tenant === undefined || tenant.quick === 0 ? 1 : 0);
    const destinations = this.destinationsAtWork + (quick === 0 ? 1 : 0);
    if (slow === 0 && this.quick < Math.floor(this.options.total / 2)) return true;
    return (tenant?.quick ?? 0) < this.part(tenants) && quick + slow < this.part(destinations);
  }

  private part(parties: number): number {
    return Math.max(1, Math.floor(this.options.total / (parties + 1)));
  }

  private tenant(tenantId: string): Tenant {
    let tenant = this.tenants.get(tenantId);
    if (tenant === undefined) {
      tenant = { quick: 0, movedAt: 0, destinations: new Map() };
      this.tenants.set(tenantId, tenant);
    }
    return tenant;
  }

  private destination({ tenantId, destinationId }: SlotFor): Destination {
    const { destinations } = this.tenant(tenantId);
    let destination = destinations.get(destinationId);
    if (destination === undefined) {
      destination = { quick: 0, slow: 0, movedAt: 0 };
      destinations.set(destinationId, destination);
    }
    return destination;
  }

  private forgetIfIdle({ tenantId, destinationId }: SlotFor): void {
    const tenant = this.tenants.get(tenantId);
    const destination = tenant?.destinations.get(destinationId);
    if (tenant === undefined || destination === undefined) return;
    if (destination.quick > 0 || destination.slow > 0) return;
    tenant.destinations.delete(destinationId);
    if (tenant.destinations.size === 0) this.tenants.delete(tenantId);
  }
}

/** When one of the two may have run out, and not so soon again that it is all that there is to do. */
function nextLookMs(stuckInMs: number, patienceMs: number): number {
  return patienceMs > 0 ? Math.min(stuckInMs, patienceMs) : Math.min(stuckInMs, LOOK_MS);
}
