import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Admission, Gate, Sender } from './gate';

type GuardedRequest = FastifyRequest & { admission?: Admission; sender?: Sender };

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
  server.decorateRequest('sender');
  server.addHook('onRequest', async (request: GuardedRequest) => {
    if (!(request.routeOptions.url ?? '').startsWith('/v1/')) return;
    const admission = await gate.admit(request.headers);
    request.admission = admission;
    request.sender = admission.sender;
  });
  const leave = (request: GuardedRequest): void => request.admission?.leave();
  server.addHook('onResponse', (request: GuardedRequest, _reply, done) => {
    leave(request);
    done();
  });
  server.addHook('onRequestAbort', (request: GuardedRequest, done) => {
    leave(request);
    done();
  });
}
