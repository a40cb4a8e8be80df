// What any ingest in Node costs at least on this machine and at this moment: an HTTP server that parses every log event and keeps none.
// Seconds of CPU differ by half between two machines, and between two hours on a shared one; how many times this floor a run costs
// does not.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const lines = Buffer.concat(parts).toString().split('\n');
    for (const line of lines) JSON.parse(line);
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(`{"accepted":${lines.length},"rejected":[]}`);
  });
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ type: 'ready', ports: { http: port } });
});
process.on('disconnect', () => process.exit(0));
