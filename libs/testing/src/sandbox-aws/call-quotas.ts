// How often an account may call in a Region. Counted strictly: within any second no more than the quota, where AWS lets a burst pass
// now and then. Real time counts, since a test may hold the sandbox's clock still.
import { AwsError } from './aws-error';
import { LOGS } from './limits';

const WINDOW_MS = 1_000;

interface QuotaCall {
  readonly account: string;
  readonly region: string;
  readonly operation: string;
}

export class CallQuotas {
  /** When the calls that are counted came, oldest first, by account, Region and operation. */
  private readonly calls = new Map<string, number[]>();

  constructor(private readonly realMs: () => number = () => performance.now()) {}

  /** Counts a call; throws what AWS answers to one too many. */
  require({ account, region, operation }: QuotaCall): void {
    const quota = LOGS.callsPerSecondMax[operation as keyof typeof LOGS.callsPerSecondMax];
    if (quota === undefined) return;
    const key = `${account} ${region} ${operation}`;
    const nowMs = this.realMs();
    const recent = (this.calls.get(key) ?? []).filter((atMs) => nowMs - atMs < WINDOW_MS);
    this.calls.set(key, recent);
    if (recent.length >= quota) throw new AwsError('ThrottlingException', 'Rate exceeded');
    recent.push(nowMs);
  }

  reset(): void {
    this.calls.clear();
  }
}
