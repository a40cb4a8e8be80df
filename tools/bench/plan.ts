// What one run of the bench is about. The same for everyone who takes part in it, each a process of its own.

export interface BenchPlan {
  name: string;
  sink: 'cloudwatch' | 's3';
  events: number;
  /** Sent and delivered before anything is measured: a process that has just started compiles, and everybody's does once. */
  warmUpEvents: number;
  /** Bytes of each message, exactly. */
  eventBytes: number;
  /** Whether a message is a string or a JSON object that is as long when it is written. */
  message: 'text' | 'json';
  /** What it says: one sentence again and again, lines as a deployment writes them, or words by chance. It matters to what compresses. */
  text: 'same' | 'logs' | 'words';
  tenants: number;
  eventsPerRequest: number;
  /** Whether a request is of one tenant, or its log events are of one tenant after the other. */
  order: 'runs' | 'interleaved';
  /** How long AWS takes to answer. */
  awsLatencyMs: number;
  connections: number;
  /** Log events a second that are offered; 0 for as many as go. */
  rate: number;
  fsync: 'no' | 'everysec' | 'always';
}

/** Stands before the ten digits of a log event's id, in the message, where neither JSON nor anything else escapes it. */
export const ID_MARK = '@@';
export const ID_DIGITS = 10;

export const tenantName = (n: number): string => `tenant-${n}`;

export const BUCKET = 'bench-logs';
