// Where log events are, told whenever that has changed.
import { ConsoleProblem, path, type ConsoleClient } from './console-client';
import type { Followed, Happening } from './happenings';

const counts = ['accepted', 'delivered', 'rejected', 'deadLettered', 'waiting'] as const;
type Counts = Record<(typeof counts)[number], number>;

interface ShownLedger extends Counts {
  destination: string;
}

export class LedgerChanges {
  /** What was told last of each destination, as it was told. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly console: ConsoleClient,
    private readonly followed: Followed,
  ) {}

  /** The ledgers that differ from what was told last. One with nothing in it is not worth a word, if there was none before. */
  async next(): Promise<Happening[]> {
    const at = new Date().toISOString();
    return (await this.read()).flatMap((ledger) => {
      const { destination } = ledger;
      const what = ledgerText(ledger);
      const before = this.told.get(destination);
      this.told.set(destination, what);
      if (what === before || (before === undefined && ledger.accepted === 0)) return [];
      return [{ at, where: `${this.followed.tenant}/${destination}`, what, ledger: bare(ledger) }];
    });
  }

  private async read(): Promise<ShownLedger[]> {
    const { tenant, destination } = this.followed;
    if (destination === undefined) {
      const address = path`/v1/tenants/${tenant}/ledgers`;
      return (await this.console.get<{ ledgers: ShownLedger[] }>(address)).ledgers;
    }
    try {
      return [
        await this.console.get(path`/v1/tenants/${tenant}/destinations/${destination}/ledger`),
      ];
    } catch (error) {
      // It was deleted, and nothing was ever accepted for it.
      if (error instanceof ConsoleProblem && error.code === 'config.unknown_destination') return [];
      throw error;
    }
  }
}

function ledgerText(ledger: Counts): string {
  const { accepted, delivered, rejected, deadLettered, waiting } = ledger;
  return `accepted ${accepted}: delivered ${delivered}, rejected ${rejected}, dead-lettered ${deadLettered}, waiting ${waiting}`;
}

function bare(ledger: Counts): Counts {
  return Object.fromEntries(counts.map((name) => [name, ledger[name]])) as Counts;
}
