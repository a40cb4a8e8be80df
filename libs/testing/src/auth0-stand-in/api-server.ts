// The one HTTP server of all tenants: whose request it is, the token says, and for a token its audience.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { authenticate, tenantOfToken } from './access-token';
import { ApiError, errorAnswer, json } from './api-error';
import type { ApiFaults, Sending } from './api-fault';
import { Auth0Tenant, type ApiCall } from './auth0-tenant';
import { answerLogs, operationOf } from './logs-endpoint';
import { answerToken, readTokenRequest, tenantOfTokenRequest } from './token-endpoint';
import type { Answer } from '../sandbox-aws/answer';

export interface ApiParts {
  readonly tenants: ReadonlyMap<string, Auth0Tenant>;
  readonly faults: ApiFaults;
  readonly nowMs: () => number;
}

const BODY_BYTES_MAX = 64 * 1024;

export function createApiServer(parts: ApiParts): Server {
  return createServer({ keepAliveTimeout: 65_000 }, (message, response) => {
    void handle(message, response, parts).catch((error: unknown) => {
      // A mistake of the stand-in itself: said loudly, since a test must not take it for an answer of Auth0's.
      process.emitWarning(error instanceof Error ? error : String(error));
      response.destroy();
    });
  });
}

async function handle(
  message: IncomingMessage,
  response: ServerResponse,
  parts: ApiParts,
): Promise<void> {
  const closed = new AbortController();
  response.once('close', () => closed.abort('closed'));
  const url = new URL(message.url ?? '/', 'http://stand-in');
  const isToken = url.pathname === '/oauth/token';
  const answering = isToken
    ? await tokenCall(message, parts)
    : apiCall(message, url, { ...parts, closed: closed.signal });
  const { tenant, call, answer } = answering;
  const sending = await parts.faults.apply(
    { operation: call.operation, domain: tenant?.domain },
    answer,
    closed.signal,
  );
  call.httpStatus = sending.how === 'reset' ? 0 : sending.answer.httpStatus;
  tenant?.count(call);
  if (!closed.signal.aborted) send(response, sending, parts.nowMs());
}

interface Answering {
  readonly tenant: Auth0Tenant | undefined;
  readonly call: ApiCall;
  readonly answer: () => Promise<Answer>;
}

async function tokenCall(message: IncomingMessage, parts: ApiParts): Promise<Answering> {
  const fields = readTokenRequest(await readBody(message), message.headers['content-type']);
  const tenant = tenantOfTokenRequest(fields, parts.tenants);
  return {
    tenant,
    // Without the fields: what is kept of calls is printed by tests that fail, and the secret is among them.
    call: { atMs: parts.nowMs(), operation: 'token', query: {}, httpStatus: 0 },
    answer: async () =>
      message.method === 'POST'
        ? answerToken(fields, tenant, parts.nowMs())
        : json(404, { error: 'Not Found' }),
  };
}

function apiCall(
  message: IncomingMessage,
  url: URL,
  parts: ApiParts & { closed: AbortSignal },
): Answering {
  const { tenants, nowMs, closed } = parts;
  const query = Object.fromEntries(url.searchParams);
  const call: ApiCall = { atMs: nowMs(), operation: operationOf(url), query, httpStatus: 0 };
  const { authorization } = message.headers;
  const tenant = tenantOfToken(authorization, tenants);
  return {
    tenant,
    call,
    answer: async () => {
      if (tenant !== undefined && tenant.latencyMs > 0)
        await delay(tenant.latencyMs, undefined, { signal: closed }).catch(() => undefined);
      const allowed = await authenticate(authorization, tenant, nowMs()).catch(asAnswer);
      if (!(allowed instanceof Auth0Tenant)) return allowed;
      return withinLimit(allowed, call, () => {
        if (message.method !== 'GET') throw new ApiError(404, 'Not Found', 'not_found');
        const found = answerLogs(allowed, url);
        call.logs = found.logs;
        return found;
      });
    },
  };
}

/** Every answer that the limit counts says what is left of it. */
function withinLimit(tenant: Auth0Tenant, call: ApiCall, answer: () => Answer): Answer {
  const isAllowed = tenant.bucket?.take() ?? true;
  const limited = new ApiError(429, 'Global limit has been reached', 'too_many_requests');
  const found = isAllowed ? orError(answer) : errorAnswer(limited);
  if (tenant.bucket === undefined) return found;
  const { limit, remaining, resetSeconds } = tenant.bucket.reading();
  call.remaining = remaining;
  const saysWhen = !isAllowed && tenant.bucket.limit.saysRetryAfter === true;
  return {
    ...found,
    headers: {
      ...found.headers,
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(resetSeconds),
      ...(saysWhen ? { 'retry-after': String(tenant.bucket.retryAfterSeconds()) } : {}),
    },
  };
}

function orError(answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    return asAnswer(error);
  }
}

function asAnswer(error: unknown): Answer {
  if (error instanceof ApiError) return errorAnswer(error);
  throw error;
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { answer, how }: Sending, nowMs: number): void {
  if (how === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = Buffer.from(answer.body);
  response.sendDate = false;
  response.writeHead(answer.httpStatus, {
    date: new Date(nowMs).toUTCString(),
    'content-length': String(body.length),
    ...answer.headers,
  });
  if (how === 'whole') {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, body.length >> 1), () => {
    if (how === 'cut') response.destroy();
  });
}
