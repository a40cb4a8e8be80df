import { SESSION_PATTERN } from '@logferry/core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Place } from './secret-search';
import { TENANT } from './stack';

/**
 * Asks a broker for a session as a worker does.
 *
 * @param certificates the folder of the worker's
 * @returns what the broker answers, as it comes
 */
export async function askBroker(
  port: number,
  secret: string,
  certificates: string,
): Promise<Place> {
  const data = { tenantId: TENANT, destinationId: 'cloudwatch', secret };
  const message = JSON.stringify({ pattern: SESSION_PATTERN, id: '1', data });
  const file = (name: string): Buffer => readFileSync(join(certificates, name));
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: file('ca.crt'),
    cert: file('tls.crt'),
    key: file('tls.key'),
  });
  const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.write(`${Buffer.byteLength(message)}#${message}`);
  const content = (await answer).toString();
  socket.destroy();
  return { name: "the broker's answer over TCP", content };
}
