// What the processes of a scenario tell each other.

/** What a load generator is told to send. */
export interface LoadOrder {
  /** The ids of its log events begin here, and are as many as `idsMax` at most. */
  firstId: number;
  idsMax: number;
  seconds: number;
  /** Who sends, each at the rate. */
  senders: readonly Sender[];
  /** Log events a second of each sender, at random moments; 0 for as many as go on so many connections. */
  rate: number;
  eventsPerRequest: number;
  connections: number;
}

export interface Sender {
  tenantId: string;
  /** What tells its log streams apart; `new` gives each log event a log stream of its own. */
  stream: string;
  /** The type of its log events, which a destination may filter by. */
  type: string;
}

export interface LoadOutcome {
  /** When each log event was to be sent, by its id less the first one; then when it was acknowledged. 0 if never. In `now()`. */
  dueMs: string;
  acknowledgedMs: string;
  sent: number;
  acknowledged: number;
  /** Requests by the status that they were answered with; 0 for those that got no answer. */
  statuses: Record<string, number>;
}

/** How an account is to behave from now on. */
export interface AccountOrder {
  accounts: readonly string[];
  behaviour: { kind: 'answer'; latencyMs: number } | { kind: 'hang' } | { kind: 'reset' };
}

export interface AwsReport {
  calls: number;
  distinct: number;
  duplicates: number;
  /** Calls that are not answered, and whose client still waits. */
  hanging: number;
  hangingMost: number;
  /** When each log event came first, by its id. 0 if it has not. Only if it was asked for. */
  arrivedMs?: string;
}

/** The same clock in every process of this machine, with fractions of a millisecond. */
export const now = (): number => performance.timeOrigin + performance.now();

export const accountName = (n: number): string => String(100_000_000_000 + n);

export function packTimes(times: Float64Array): string {
  return Buffer.from(times.buffer, times.byteOffset, times.byteLength).toString('base64');
}

export function unpackTimes(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
