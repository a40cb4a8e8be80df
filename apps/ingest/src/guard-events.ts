import { RequestProblem } from '@logferry/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Admission, Gate } from './gate';

type GuardedRequest = FastifyRequest & { admission?: Admission };

/**
 * Puts the gate in front of everything under /v1, before a body is read, and takes bodies as they come.
 *
 * It goes by the route that Fastify has found and not by the text of the address, which can be written in many ways.
 */
export function guardEvents(server: FastifyInstance, gate: Gate, bodyBytesMax: number): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: bodyBytesMax },
    (_request, body, done) => done(null, body),
  );
  server.decorateRequest('admission');
  server.addHook('onRequest', async (request: GuardedRequest, reply) => {
    // Fastify would read the body first, and tell whoever sent it afterwards that nobody wants it.
    if (request.is404) throw new RequestProblem(404, 'request.not_found', 'there is nothing here');
    if (!(request.routeOptions.url ?? '').startsWith('/v1/')) return;
    // Not Fastify's onResponse and onRequestAbort: neither comes when a sender goes away between its whole body and our answer.
    reply.raw.once('close', () => request.admission?.leave());
    request.admission = await gate.admit(request.headers);
    if (request.raw.socket.destroyed) request.admission.leave(); // gone while we looked at its key
  });
}
