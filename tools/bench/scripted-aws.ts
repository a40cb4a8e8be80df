// An AWS whose accounts do what they are told: answer after so long, hang until the client gives up, or break the connection. It notes
// when each log event came, and checks nothing; the sandbox AWS is the one that checks.
import { createServer, type ServerResponse } from 'node:http';
import { IdCounter } from './id-counter';
import { now, packTimes, type AccountOrder, type AwsReport } from './scenario-plan';
import { accountOf, answerSts, isSts } from './sts-double';

type Behaviour = AccountOrder['behaviour'];

const behaviours = new Map<string, Behaviour>();
const arrivedMs = new Float64Array(Number(process.env.BENCH_IDS_MAX));
const report: AwsReport = { calls: 0, distinct: 0, duplicates: 0, hanging: 0, hangingMost: 0 };

function arrive(ids: readonly number[]): void {
  if (ids.length > 0) report.calls++;
  const at = now();
  for (const id of ids) {
    if (arrivedMs[id] === 0) report.distinct++;
    else report.duplicates++;
    arrivedMs[id] ||= at;
  }
}

function hang(response: ServerResponse): void {
  report.hanging++;
  report.hangingMost = Math.max(report.hangingMost, report.hanging);
  response.on('close', () => report.hanging--);
}

const server = createServer((request, response) => {
  if (isSts(request)) return answerSts(request, response);
  const ids: number[] = [];
  const counter = new IdCounter((id) => ids.push(id));
  request.on('error', () => undefined); // whoever gave up has gone
  request.on('data', (data: Buffer) => counter.add(data));
  request.on('end', () => {
    const behaviour = behaviours.get(accountOf(request));
    if (behaviour?.kind === 'hang') return hang(response);
    if (behaviour?.kind === 'reset') return void request.socket.destroy();
    arrive(ids);
    const answer = (): void =>
      void response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{}');
    if (behaviour === undefined || behaviour.latencyMs === 0) answer();
    else setTimeout(answer, behaviour.latencyMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.send?.({ type: 'ready', ports: { http: port } });
});

process.on('message', ({ ask }: { ask: string }) => {
  if (ask.startsWith('{')) {
    const { accounts, behaviour } = JSON.parse(ask) as AccountOrder;
    for (const account of accounts) behaviours.set(account, behaviour);
  }
  const times = ask === 'arrivals' ? { arrivedMs: packTimes(arrivedMs) } : {};
  process.send?.({ type: 'report', report: { ...report, ...times } });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
