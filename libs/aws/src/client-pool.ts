/** An SDK client, as far as a pool is concerned. */
interface Closable {
  destroy(): void;
}

/**
 * One SDK client a destination, for as many destinations as fit; the one that was not used for longest goes first.
 *
 * Clients are not shared between destinations: the SDK's retry budget belongs to the client, and one tenant's failures would use
 * up everybody's.
 */
export class ClientPool<C extends Closable> {
  private readonly clients = new Map<string, { identity: string; client: C }>();

  constructor(private readonly clientsMax: number) {}

  /**
   * @param identity what the client was built from; a client built from something else is replaced
   */
  get(destinationKey: string, identity: string, build: () => C): C {
    const known = this.clients.get(destinationKey);
    this.clients.delete(destinationKey); // and back in below, as the newest
    if (known !== undefined && known.identity === identity) {
      this.clients.set(destinationKey, known);
      return known.client;
    }
    known?.client.destroy();
    const client = build();
    this.clients.set(destinationKey, { identity, client });
    this.evict();
    return client;
  }

  private evict(): void {
    for (const [key, { client }] of this.clients) {
      if (this.clients.size <= this.clientsMax) return;
      this.clients.delete(key);
      client.destroy();
    }
  }
}
