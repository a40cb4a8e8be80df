import type { Logger, Metrics } from '@logferry/runtime';
import type { Issuer } from './issuer';
import { issuerDocumentsProblem } from './issuer-check';
import type { SigningKeys } from './signing-keys';

interface BrokerUpkeepParts {
  keys: SigningKeys;
  issuer: Issuer;
  metrics: Metrics;
  log: Logger;
  timeoutMs: number;
}

/** A key that another broker has made is published long before it signs, so a minute is soon. */
const KEYS_MS = 60_000;
/** The first look comes a moment after we listen, which whatever stands in front of us may have to notice first. */
const CHECK_MS = { first: 2_000, whileAmiss: 30_000, well: 3_600_000 } as const;

/** What the broker looks after by itself: that its signing keys are the ones of all brokers, and that AWS finds its documents. */
export class BrokerUpkeep {
  private timers: NodeJS.Timeout[] = [];
  private problem: string | undefined;
  private isStopped = false;

  constructor(private readonly parts: BrokerUpkeepParts) {
    const gauge: ReturnType<Metrics['gauge']> = parts.metrics.gauge(
      'broker_issuer_unreachable',
      '1 if the documents of the issuer are not found at its address',
      [],
      () => gauge.set(this.problem === undefined ? 0 : 1),
    );
  }

  start(): void {
    const refreshing = setInterval(() => void this.refreshKeys(), KEYS_MS);
    this.timers.push(refreshing.unref());
    this.checkIn(CHECK_MS.first);
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private async refreshKeys(): Promise<void> {
    const { keys, log } = this.parts;
    const before = keys.current().kid;
    try {
      await keys.refresh();
    } catch (error) {
      log.error({ err: error }, 'the signing keys cannot be looked through; those at hand go on');
    }
    const { kid } = keys.current();
    if (kid !== before) log.info({ kid }, 'another signing key signs now');
  }

  private checkIn(ms: number): void {
    if (this.isStopped) return;
    this.timers[1] = setTimeout(() => void this.check(), ms).unref();
  }

  /** It says what is amiss and starts all the same: the address may lead to a broker only once that is ready. */
  private async check(): Promise<void> {
    const { issuer, log, timeoutMs } = this.parts;
    const found = await issuerDocumentsProblem(issuer, timeoutMs);
    if (found !== undefined && found !== this.problem)
      log.error(
        { issuer: issuer.url },
        `AWS will refuse our tokens: ${found}. LOGFERRY_BROKER_ISSUER_URL must lead to this broker, from outside`,
      );
    if (found === undefined && this.problem !== undefined)
      log.info({ issuer: issuer.url }, 'the documents of the issuer are found again');
    this.problem = found;
    this.checkIn(found === undefined ? CHECK_MS.well : CHECK_MS.whileAmiss);
  }
}
