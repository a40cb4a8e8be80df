import type { Logger, Metrics } from '@logferry/runtime';
import type { Issuer } from './issuer';
import { issuerDocumentsProblem } from './issuer-check';
import type { SigningKeys } from './signing-keys';

interface BrokerUpkeepParts {
  keys: Pick<SigningKeys, 'current' | 'refresh'>;
  issuer: Pick<Issuer, 'url' | 'jwks'>;
  metrics: Metrics;
  log: Pick<Logger, 'info' | 'error'>;
  timeoutMs: number;
  times?: UpkeepTimes;
}

interface UpkeepTimes {
  /** A key that another broker has made is published long before it signs, so a minute is soon. */
  keysMs: number;
  /** The first look comes a moment after we listen, which whatever stands in front of us may have to notice first. */
  firstCheckMs: number;
  whileAmissMs: number;
  wellMs: number;
}

const TIMES: UpkeepTimes = {
  keysMs: 60_000,
  firstCheckMs: 2_000,
  whileAmissMs: 30_000,
  wellMs: 3_600_000,
};

/** What the broker looks after by itself: that its signing keys are the ones of all brokers, and that AWS finds its documents. */
export class BrokerUpkeep {
  private timers: NodeJS.Timeout[] = [];
  private problem: string | undefined;
  private isStopped = false;
  /** Which key signed when it was last looked: the next one comes with the time, between two looks. */
  private signingKid: string;
  private readonly times: UpkeepTimes;

  constructor(private readonly parts: BrokerUpkeepParts) {
    this.times = parts.times ?? TIMES;
    this.signingKid = parts.keys.current().kid;
    const gauge: ReturnType<Metrics['gauge']> = parts.metrics.gauge(
      'broker_issuer_unreachable',
      '1 if the documents of the issuer are not found at its address',
      [],
      () => gauge.set(this.problem === undefined ? 0 : 1),
    );
  }

  start(): void {
    const refreshing = setInterval(() => void this.refreshKeys(), this.times.keysMs);
    this.timers.push(refreshing.unref());
    this.checkIn(this.times.firstCheckMs);
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private async refreshKeys(): Promise<void> {
    const { keys, log } = this.parts;
    try {
      await keys.refresh();
    } catch (error) {
      log.error({ err: error }, 'the signing keys cannot be looked through; those at hand go on');
    }
    const { kid } = keys.current();
    if (kid === this.signingKid) return;
    this.signingKid = kid;
    log.info({ kid }, 'another signing key signs now');
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
    this.checkIn(found === undefined ? this.times.wellMs : this.times.whileAmissMs);
  }
}
