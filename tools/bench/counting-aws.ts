// An AWS that says yes to everything and counts every log event by its id. It checks nothing, so that it is never the bottleneck;
// the sandbox AWS is the one that checks.
import { createServer } from 'node:http';
import { IdCounter } from './id-counter';
import type { BenchPlan } from './plan';
import { answerSts, isSts } from './sts-double';

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

start(JSON.parse(process.env.BENCH_PLAN ?? '{}') as BenchPlan);
