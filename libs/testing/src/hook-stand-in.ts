// A stand-in for Slack's incoming webhooks, and for whoever else receives messages: it keeps what it was sent, refuses what Slack
// refuses, and answers as a test says.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HookMessage {
  path: string;
  headers: IncomingMessage['headers'];
  /** As it came; a signature is over this. */
  text: string;
  atMs: number;
}

export interface HookReply {
  status: number;
  body?: string;
  headers?: Record<string, string>;
  /** `hang`: no answer at all; `cut`: the connection ends instead; `halting`, `halved`: so behind the status, before the answer's end. */
  fault?: 'hang' | 'cut' | 'halting' | 'halved';
}

export interface HookStandIn {
  readonly url: string;
  readonly messages: HookMessage[];
  /** What the next messages are answered, before all is well again. */
  readonly replies: HookReply[];
  /** As if nothing had been sent. */
  reset(): void;
  stop(): Promise<void>;
}

const SLACK_EVERY_MS = 1_000;
/** A few may come faster: https://docs.slack.dev/apis/web-api/rate-limits#incoming-webhooks. */
const SLACK_BURST = 3;
const TEXT_CHARS_MAX = 1_000_000;

/** On loopback, on a free port unless one is named. */
export async function startHookStandIn(port = 0): Promise<HookStandIn> {
  const messages: HookMessage[] = [];
  const replies: HookReply[] = [];
  const allowances = new Map<string, { left: number; atMs: number }>();
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      if (text.length < TEXT_CHARS_MAX) text += part;
    });
    request.on('end', () => {
      const message = {
        path: request.url ?? '/',
        headers: request.headers,
        text,
        atMs: Date.now(),
      };
      messages.push(message);
      const {
        status,
        body = '',
        headers = {},
        fault,
      } = replies.shift() ?? judge(message, allowances);
      if (fault === 'hang') return;
      if (fault === 'cut') return void response.socket?.destroy();
      response.writeHead(status, { 'content-type': 'text/plain', ...headers });
      if (fault === undefined) return void response.end(body);
      response.write('half of ', () => {
        if (fault === 'halved') response.socket?.destroy();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    messages,
    replies,
    reset: () => {
      messages.length = 0;
      replies.length = 0;
      allowances.clear();
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Allowances = Map<string, { left: number; atMs: number }>;

function judge({ path, text, atMs }: HookMessage, allowances: Allowances): HookReply {
  if (!path.startsWith('/services/')) return { status: 200, body: '{}' };
  const before = allowances.get(path) ?? { left: SLACK_BURST, atMs };
  const earned = (atMs - before.atMs) / SLACK_EVERY_MS;
  const left = Math.min(before.left + earned, SLACK_BURST);
  if (left < 1) return { status: 429, body: 'rate_limited', headers: { 'retry-after': '1' } };
  allowances.set(path, { left: left - 1, atMs });
  return isSlackMessage(text)
    ? { status: 200, body: 'ok' }
    : { status: 400, body: 'invalid_payload' };
}

/** What Slack takes of the old attachments: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments. */
function isSlackMessage(text: string): boolean {
  let message: { text?: unknown; attachments?: { fallback?: unknown; fields?: unknown }[] };
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return false;
  }
  if (typeof message.text === 'string' && message.text !== '') return true;
  const { attachments } = message;
  return (
    Array.isArray(attachments) &&
    attachments.length > 0 &&
    attachments.every(
      ({ fallback, fields }) => typeof fallback === 'string' && Array.isArray(fields),
    )
  );
}
