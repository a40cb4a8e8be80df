// An AWS that says yes to everything and counts every log event by its id. It checks nothing, so that it is never the bottleneck;
// the sandbox AWS is the one that checks.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ID_DIGITS, ID_MARK, type BenchPlan } from './plan';

const ZERO = 0x30;

export interface CountReport {
  calls: number;
  /** Log events that arrived, repeated ones included. */
  arrived: number;
  distinct: number;
  duplicates: number;
  /** Share of calls that were at least 95 % full, by AWS's own count. */
  fullCalls: number;
  bodyBytes: number;
  lastArrivalMs: number;
}

/** Finds ids in a body as it comes in, wherever the network has cut it. */
class IdCounter {
  private tail: Buffer = Buffer.alloc(0);
  found = 0;

  constructor(private readonly count: (id: number) => void) {}

  add(data: Buffer): void {
    const bytes = this.tail.length === 0 ? data : Buffer.concat([this.tail, data]);
    const idBytes = ID_MARK.length + ID_DIGITS;
    let at = bytes.indexOf(ID_MARK);
    let done = 0;
    while (at !== -1 && at + idBytes <= bytes.length) {
      let id = 0;
      for (let i = at + ID_MARK.length; i < at + idBytes; i++)
        id = id * 10 + (bytes[i] ?? ZERO) - ZERO;
      this.count(id);
      this.found++;
      done = at + idBytes;
      at = bytes.indexOf(ID_MARK, done);
    }
    this.tail = bytes.subarray(at === -1 ? Math.max(done, bytes.length - ID_MARK.length + 1) : at);
  }
}

function start(plan: BenchPlan): void {
  const seen = new Uint8Array(plan.events + plan.warmUpEvents);
  const report: CountReport = {
    calls: 0,
    arrived: 0,
    distinct: 0,
    duplicates: 0,
    fullCalls: 0,
    bodyBytes: 0,
    lastArrivalMs: 0,
  };
  const fullEvents = Math.floor((0.95 * 1_048_576) / (plan.eventBytes + 26));
  const count = (id: number): void => {
    report.arrived++;
    if (seen[id] === 0) report.distinct++;
    else report.duplicates++;
    seen[id] = 1;
  };
  const server = createServer((request, response) => {
    if (isSts(request)) return answerSts(request, response);
    const ids = new IdCounter(count);
    request.on('data', (data: Buffer) => {
      report.bodyBytes += data.length;
      ids.add(data);
    });
    request.on('end', () => {
      if (ids.found > 0) {
        report.calls++;
        if (ids.found >= fullEvents) report.fullCalls++;
        report.lastArrivalMs = Date.now();
      }
      const answer = (): void =>
        void response
          .writeHead(200, { etag: '"x"', 'content-type': 'application/x-amz-json-1.1' })
          .end('{}');
      if (plan.awsLatencyMs === 0) answer();
      else setTimeout(answer, plan.awsLatencyMs);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    process.send?.({ type: 'ready', ports: { http: port } });
  });
  process.on('message', () => process.send?.({ type: 'report', report }));
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
}

const isSts = (request: IncomingMessage): boolean =>
  request.headers['content-type'] === 'application/x-www-form-urlencoded';

function answerSts(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  request.on('end', () => {
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>` +
          `<AccessKeyId>ASIABENCH00000000001</AccessKeyId><SecretAccessKey>bench</SecretAccessKey><SessionToken>bench</SessionToken>` +
          `<Expiration>${expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      );
  });
}

start(JSON.parse(process.env.BENCH_PLAN ?? '{}') as BenchPlan);
