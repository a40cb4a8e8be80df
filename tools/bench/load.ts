// Sends log events to ingest as fast as it takes them, or at a rate, and notes which were acknowledged and how long that took.
import { Agent, request } from 'node:http';
import { benchMessage } from './message';
import { ID_DIGITS, ID_MARK, tenantName, type BenchPlan } from './plan';

export interface LoadReport {
  acknowledged: number;
  /** Requests that were answered with anything but 202. */
  refusedRequests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

/** A request's body, whose ids are written into it anew for every request. */
interface Body {
  path: string;
  bytes: Buffer;
  idPlaces: number[];
}

/** So many different log events that they do not repeat within a batch. */
const DIFFERENT_EVENTS = 20_000;

function buildBodies(plan: BenchPlan): Body[] {
  const { tenants, eventsPerRequest, order } = plan;
  const enough = Math.ceil(DIFFERENT_EVENTS / eventsPerRequest);
  if (order === 'runs') {
    // Whole rounds of the tenants, so that each has the same share.
    const count = tenants * Math.ceil(enough / tenants);
    return Array.from({ length: count }, (_, n) =>
      buildBody(`/v1/tenants/${tenantName(n % tenants)}/events?type=deployment`, plan, (i) => ({
        n: n * eventsPerRequest + i,
      })),
    );
  }
  // As many different bodies as it takes until the tenants come round again.
  const round = Math.max(1, Math.ceil(tenants / eventsPerRequest));
  return Array.from({ length: round * Math.ceil(enough / round) }, (_, body) =>
    buildBody('/v1/events?type=deployment', plan, (i) => {
      const n = body * eventsPerRequest + i;
      return { n, tenant: tenantName(n % tenants) };
    }),
  );
}

function buildBody(
  path: string,
  plan: BenchPlan,
  eventOf: (i: number) => { n: number; tenant?: string },
): Body {
  const lines = Array.from({ length: plan.eventsPerRequest }, (_, i) => {
    const { n, ...event } = eventOf(i);
    return JSON.stringify({ ...event, message: benchMessage(plan, n) });
  });
  const bytes = Buffer.from(lines.join('\n'));
  const idPlaces: number[] = [];
  for (let at = bytes.indexOf(ID_MARK); at !== -1; at = bytes.indexOf(ID_MARK, at + 1))
    idPlaces.push(at + ID_MARK.length);
  return { path, bytes, idPlaces };
}

class Load {
  private readonly agent: Agent;
  private readonly bodies: Body[];
  private readonly latencies: Float64Array;
  private readonly requests: number;
  private readonly first: number;
  private readonly startedAt = performance.now();
  private next = 0;
  private answered = 0;
  private readonly report: LoadReport = {
    acknowledged: 0,
    refusedRequests: 0,
    seconds: 0,
    p50Ms: 0,
    p99Ms: 0,
  };

  constructor(
    private readonly plan: BenchPlan,
    private readonly target: { port: number; key: string },
    { first, count }: { first: number; count: number },
  ) {
    this.first = first;
    this.agent = new Agent({ keepAlive: true, maxSockets: plan.connections });
    this.bodies = buildBodies(plan);
    this.requests = Math.floor(count / plan.eventsPerRequest);
    this.latencies = new Float64Array(this.requests);
  }

  async run(): Promise<LoadReport> {
    await Promise.all(Array.from({ length: this.plan.connections }, () => this.connection()));
    const sorted = this.latencies.subarray(0, this.answered).sort();
    const at = (share: number): number =>
      sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
    return {
      ...this.report,
      seconds: (performance.now() - this.startedAt) / 1_000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  }

  private async connection(): Promise<void> {
    while (this.next < this.requests) {
      const n = this.next++;
      await this.untilDue(n);
      await this.send(n);
    }
  }

  /** With a rate, each request has its moment; sending late counts as waiting, so that a slow ingest cannot hide. */
  private async untilDue(n: number): Promise<void> {
    const waitMs = this.dueMs(n) - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  private dueMs(n: number): number {
    return this.plan.rate === 0
      ? 0
      : this.startedAt + (n * this.plan.eventsPerRequest * 1_000) / this.plan.rate;
  }

  private send(n: number): Promise<void> {
    const body = this.bodies[n % this.bodies.length];
    if (body === undefined) throw new Error('there is a body for every request');
    const bytes = Buffer.from(body.bytes); // several requests of one body may be under way
    body.idPlaces.forEach((place, i) => {
      bytes.write(
        String(this.first + n * this.plan.eventsPerRequest + i).padStart(ID_DIGITS, '0'),
        place,
        'latin1',
      );
    });
    const sentAt = Math.max(this.dueMs(n), 0) || performance.now();
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${this.target.key}`,
        'content-type': 'application/x-ndjson',
        'content-length': bytes.length,
      };
      const post = request({
        port: this.target.port,
        host: '127.0.0.1',
        path: body.path,
        method: 'POST',
        agent: this.agent,
        headers,
      });
      post.on('error', reject);
      post.on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (data: string) => (answer += data));
        response.on('end', () => {
          this.latencies[this.answered++] = performance.now() - sentAt;
          const all = `{"accepted":${this.plan.eventsPerRequest},"rejected":[]}`;
          if (response.statusCode === 202 && answer === all)
            this.report.acknowledged += this.plan.eventsPerRequest;
          else this.report.refusedRequests++;
          resolve();
        });
      });
      post.end(bytes);
    });
  }
}

const plan = JSON.parse(process.env.BENCH_PLAN ?? '{}') as BenchPlan;
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
process.on('message', ({ ask }: { ask: string }) => {
  const [given, part] =
    ask === 'warm-up'
      ? [
          { ...plan, rate: 0 },
          { first: plan.events, count: plan.warmUpEvents },
        ]
      : [plan, { first: 0, count: plan.events }];
  const target = { port: Number(process.env.BENCH_INGEST_PORT), key: process.env.BENCH_KEY ?? '' };
  void new Load(given, target, part)
    .run()
    .then((report) => process.send?.({ type: 'report', report }));
});
