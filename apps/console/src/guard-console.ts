import { RequestProblem } from '@logferry/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { showsKey, type CalledRequest, type KeyHolders } from './caller';
import type { Login } from './login';

/** The routes that anybody may see, as Fastify names them. Everything else asks for the login, whether it exists or not. */
const PUBLIC = new Set(['/login', '/health/live', '/health/ready', '/metrics']);

/** Room for the largest form, of which a role's ARN is the longest field, and a bound on what is read of somebody who is not known. */
const FORM_BYTES_MAX = 64 * 1024;

/** Room for a batch of log events, as JSON writes them. */
const LOG_EVENTS_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Asks for the login, or a key, in front of everything. Must be called before any route is registered: plugins only inherit the hooks that are
 * there before them.
 *
 * It goes by the route that Fastify has found. Going by the text of the address let `/%71ueues/api/queues` through, and the queue
 * UI's own `middleware` option protects its first page and none of its API (both tried).
 */
export function guardConsole(server: FastifyInstance, login: Login, holders: KeyHolders): void {
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_BYTES_MAX },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  server.addContentTypeParser(
    ['application/x-ndjson', 'application/ndjson', 'application/jsonl'],
    { parseAs: 'buffer', bodyLimit: LOG_EVENTS_BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
  server.decorateRequest('caller');
  server.addHook('onRequest', async (request: FastifyRequest & CalledRequest, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    if (isForgery(request))
      return refuse(reply, 403, {
        code: 'console.cross_site',
        message: 'this request comes from another site',
      });
    const { method, params, headers, routeOptions } = request;
    if (PUBLIC.has(routeOptions.url ?? '')) return;
    if (login.isOpen(headers, request.ip)) {
      request.caller = { kind: 'login' };
      return;
    }
    if (showsKey(headers.authorization)) {
      try {
        const route = { method, url: routeOptions.url, params };
        request.caller = await holders.admit(headers.authorization, route);
        return;
      } catch (error) {
        // Not thrown on: the queue UI would make a fault of ours of it.
        if (!(error instanceof RequestProblem)) throw error;
        const { status, code, message } = error;
        return refuse(reply.headers(error.headers), status, {
          code,
          message,
          requestId: request.id,
        });
      }
    }
    if (request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')) {
      return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`);
    }
    return refuse(reply, 401, {
      code: 'console.login_needed',
      message:
        'log in at /login, or send the password as Basic authentication or a key as "Authorization: Bearer <key>"',
    });
  });
}

/** A browser says where a request that changes something comes from; another site has no business here. */
function isForgery({ method, headers }: FastifyRequest): boolean {
  if (method === 'GET' || method === 'HEAD' || headers.origin === undefined) return false;
  return URL.parse(headers.origin)?.host !== headers.host;
}

function refuse(reply: FastifyReply, status: number, problem: object): FastifyReply {
  return reply.code(status).send(problem);
}

/** Whether a browser reached us by https, itself or through a proxy. */
export function isHttps(request: FastifyRequest): boolean {
  return request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
}
