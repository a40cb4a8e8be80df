// A credential broker for tests of workers: it speaks the transport of the real one, and answers what the test says.
import type { SessionReply, SessionRequest } from '@logferry/core';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface SessionBroker {
  readonly port: number;
  /** What it has been asked, in order. */
  readonly asked: SessionRequest[];
  stop(): Promise<void>;
}

interface Message {
  id: string;
  data: SessionRequest;
}

/** Listens on loopback, on a free port. */
export async function startSessionBroker(
  answer: (request: SessionRequest) => SessionReply,
): Promise<SessionBroker> {
  const asked: SessionRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const { messages, rest } = readFrames(received + text);
      received = rest;
      for (const { id, data } of messages) {
        asked.push(data);
        socket.write(frame({ id, response: answer(data), isDisposed: true }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Nest's TCP transport: each message is its length in characters, `#`, and JSON. */
function frame(message: object): string {
  const json = JSON.stringify(message);
  return `${json.length}#${json}`;
}

function readFrames(text: string): { messages: Message[]; rest: string } {
  const messages: Message[] = [];
  let rest = text;
  for (let at = rest.indexOf('#'); at !== -1; at = rest.indexOf('#')) {
    const end = at + 1 + Number(rest.slice(0, at));
    if (rest.length < end) break;
    messages.push(JSON.parse(rest.slice(at + 1, end)) as Message);
    rest = rest.slice(end);
  }
  return { messages, rest };
}
