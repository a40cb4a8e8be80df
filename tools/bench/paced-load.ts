// Sends the log events of many senders, each at its own pace, and notes of each log event when it was due and when it was acknowledged.
import { Agent, request } from 'node:http';
import { ID_DIGITS, ID_MARK } from './plan';
import { now, packTimes, type LoadOrder, type LoadOutcome, type Sender } from './scenario-plan';

const TEXT =
  'module.vpc.aws_subnet.private[3]: Modifications complete after 12s [id=subnet-0a1b2c3d4e5f60718] and the next one is refreshed';

class PacedLoad {
  private readonly agent: Agent;
  private readonly dueMs: Float64Array;
  private readonly acknowledgedMs: Float64Array;
  private readonly statuses: Record<string, number> = {};
  private readonly endsAt: number;
  private readonly startsAt = now();
  private next = 0;
  private acknowledged = 0;

  constructor(
    private readonly order: LoadOrder,
    private readonly port: number,
    private readonly key: string,
  ) {
    // A paced request is sent when it is due, however many are under way.
    const maxSockets = order.rate === 0 ? order.connections : Infinity;
    this.agent = new Agent({ keepAlive: true, maxSockets });
    this.dueMs = new Float64Array(order.idsMax);
    this.acknowledgedMs = new Float64Array(order.idsMax);
    this.endsAt = this.startsAt + order.seconds * 1_000;
  }

  async run(): Promise<LoadOutcome> {
    const { rate, connections, senders } = this.order;
    await Promise.all(
      rate === 0
        ? Array.from({ length: connections }, (_, n) => this.asFastAsItGoes(pick(senders, n)))
        : senders.map((sender) => this.atItsPace(sender)),
    );
    this.agent.destroy();
    return {
      dueMs: packTimes(this.dueMs.subarray(0, this.next)),
      acknowledgedMs: packTimes(this.acknowledgedMs.subarray(0, this.next)),
      sent: this.next,
      acknowledged: this.acknowledged,
      statuses: this.statuses,
    };
  }

  private async asFastAsItGoes(sender: Sender): Promise<void> {
    while (now() < this.endsAt && this.hasIds()) await this.send(sender, now());
  }

  /** One request in each interval, at a random moment of it, so that senders fall neither into step nor into line with a linger. */
  private async atItsPace(sender: Sender): Promise<void> {
    const { rate, eventsPerRequest } = this.order;
    const intervalMs = (eventsPerRequest * 1_000) / rate;
    const underWay: Promise<void>[] = [];
    for (let k = 0; ; k++) {
      const dueMs = this.startsAt + (k + Math.random()) * intervalMs;
      if (dueMs >= this.endsAt || !this.hasIds()) break;
      const waitMs = dueMs - now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      underWay.push(this.send(sender, dueMs));
    }
    await Promise.all(underWay);
  }

  private hasIds(): boolean {
    return this.next + this.order.eventsPerRequest <= this.order.idsMax;
  }

  private async send({ tenantId, stream, type }: Sender, dueMs: number): Promise<void> {
    const { eventsPerRequest, firstId } = this.order;
    const from = this.next;
    this.next += eventsPerRequest;
    const lines: string[] = [];
    for (let n = from; n < this.next; n++) {
      this.dueMs[n] = dueMs;
      const id = String(firstId + n).padStart(ID_DIGITS, '0');
      const deploymentId = stream === 'new' ? `d${id}` : stream;
      lines.push(
        `{"message":"${ID_MARK}${id} ${TEXT}","type":"${type}","attributes":{"deploymentId":"${deploymentId}"}}`,
      );
    }
    const { status, accepted } = await this.post(
      `/v1/tenants/${tenantId}/events`,
      lines.join('\n'),
    );
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (status !== 202 || accepted !== eventsPerRequest) return;
    const at = now();
    this.acknowledged += eventsPerRequest;
    this.acknowledgedMs.fill(at, from, from + eventsPerRequest);
  }

  private post(path: string, body: string): Promise<{ status: number; accepted: number }> {
    return new Promise((resolve) => {
      const post = request({
        port: this.port,
        host: '127.0.0.1',
        path,
        method: 'POST',
        agent: this.agent,
        headers: {
          authorization: `Bearer ${this.key}`,
          'content-type': 'application/x-ndjson',
          'content-length': Buffer.byteLength(body),
        },
      });
      // Nobody knows what became of it, so nothing is asked of it.
      post.on('error', () => resolve({ status: 0, accepted: 0 }));
      post.on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (data: string) => (answer += data));
        response.on('end', () => {
          const accepted = Number(/"accepted":(\d+)/.exec(answer)?.[1] ?? 0);
          resolve({ status: response.statusCode ?? 0, accepted });
        });
      });
      post.end(body);
    });
  }
}

function pick<T>(items: readonly T[], n: number): T {
  const item = items[n % items.length];
  if (item === undefined) throw new Error('there is somebody who sends');
  return item;
}

process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
process.on('message', ({ ask }: { ask: string }) => {
  const order = JSON.parse(ask) as LoadOrder;
  const load = new PacedLoad(
    order,
    Number(process.env.BENCH_INGEST_PORT),
    process.env.BENCH_KEY ?? '',
  );
  void load.run().then((report) => process.send?.({ type: 'report', report }));
});
