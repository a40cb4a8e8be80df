// Reads a request's body within bounds. What is too much is read to its end and thrown away, so that the client gets its answer
// instead of a broken connection; a client that goes on for much longer is cut off.
import type { IncomingMessage } from 'node:http';
import { ClientGone } from './faults';
import { SANDBOX } from './limits';

export class BodyTooLarge extends Error {}

let bytesInFlight = 0;

export async function readBody(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let keptBytes = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > 4 * bytesMax) throw new BodyTooLarge();
      if (bytes > bytesMax || bytesInFlight > SANDBOX.bodyBytesInFlightMax) {
        chunks.length = 0;
        bytesInFlight -= keptBytes;
        keptBytes = 0;
        bytes = Math.max(bytes, bytesMax + 1);
        continue;
      }
      chunks.push(chunk);
      keptBytes += chunk.length;
      bytesInFlight += chunk.length;
    }
  } catch (error) {
    if (error instanceof BodyTooLarge) throw error;
    throw new ClientGone();
  } finally {
    bytesInFlight -= keptBytes;
  }
  if (bytes > bytesMax) throw new BodyTooLarge();
  const [only] = chunks;
  return chunks.length === 1 && only ? only : Buffer.concat(chunks);
}
