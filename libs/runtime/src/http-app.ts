import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomBytes } from 'node:crypto';
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { nestLogger, type Logger } from './logger';
import { ProblemFilter, type RequestProblem } from './request-problem';
import type { RunningApp } from './run-app';

/** What a process's module knows once it is built, and the start needs. */
export interface HttpAppParts {
  log: Logger;
  host: string;
  port: number;
  shutdownDeadlineMs: number;
  /** How long a request may take to arrive, its body included. */
  requestTimeoutMs?: number;
  /** How long connections that are open may still be used once the process is told to stop. Not at all, unless said otherwise. */
  drainMs?: number;
  /** What an error that nobody caught means for the sender of a request, where the process knows; else it is a fault of ours. */
  problemOf?: (error: unknown) => RequestProblem | undefined;
  /** What is to be done when everything is wired and before anyone can connect. Returns further ports that were opened. */
  prepare?: (app: NestFastifyApplication) => void | Promise<Record<string, number> | void>;
}

/** A parameter of an address is a tenant's id (64 characters at most) or a batch's, which is shorter; what is longer is no route. */
const PARAM_CHARS_MAX = 128;

/**
 * Builds a process from its module and lets it listen.
 *
 * @param paramCharsMax how long a parameter of an address may be
 */
export async function startHttpApp(
  module: Type,
  partsOf: (app: NestFastifyApplication) => HttpAppParts,
  paramCharsMax = PARAM_CHARS_MAX,
): Promise<RunningApp> {
  const late: { problems?: ProblemFilter } = {};
  const adapter = new FastifyAdapter({
    genReqId: requestIds(),
    routerOptions: { maxParamLength: paramCharsMax },
    http: { connectionsCheckingInterval: 1_000 }, // with Node's own 30 s, a request that hangs is noticed that late
    // With Fastify's own 503 for what still comes in while a process stops, every restart would fail some requests.
    return503OnClosing: false,
    // What Fastify refuses before it looks for a route: an address that cannot be decoded, say. It would quote the address.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      late.problems?.answer(error, request, reply),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false, // what stops a start is told by runApp, in one sentence
  });
  const {
    log,
    host,
    port,
    shutdownDeadlineMs,
    requestTimeoutMs = 30_000,
    drainMs,
    problemOf,
    prepare,
  } = partsOf(app);
  const server = app.getHttpServer();
  server.requestTimeout = requestTimeoutMs;
  // If the headers had more time than the whole request, Node would swap the two: its own 60 s would be the request's.
  server.headersTimeout = requestTimeoutMs;
  app.useLogger(nestLogger(log));
  late.problems = new ProblemFilter(log, problemOf);
  app.useGlobalFilters(late.problems);
  const morePorts = await prepare?.(app);
  await app.listen(port, host);
  return {
    log,
    ports: { http: listeningPort(server), ...morePorts },
    close: async () => {
      if (drainMs !== undefined) await drain(server, drainMs);
      await app.close();
    },
    shutdownDeadlineMs,
  };
}

/**
 * Takes no new connection, and lets those that are open end: each is closed behind its next answer. A connection that is closed just
 * when a request comes in over it breaks, and its sender cannot know whether the request was heard.
 */
async function drain(server: Server, drainMs: number): Promise<void> {
  server.prependListener('request', (_request, response: ServerResponse) =>
    response.setHeader('connection', 'close'),
  );
  await takeUp(server);
  // Not the server's own: that also closes what is idle at this moment.
  NetServer.prototype.close.call(server);
  const until = Date.now() + drainMs;
  while (Date.now() < until && (await connectionsOf(server)) > 0) await delay(20);
  await takeUp(server);
  // In the same turn: whatever else is to be closed may take its time, and requests would come in meanwhile.
  server.closeIdleConnections();
}

const TURNS_MAX = 1_000;

/**
 * Takes up what the system holds for this process: connections that are not accepted and requests that are not read yet, which closing
 * would reset. A turn of the event loop reads everything, but accepts only one connection. A rolling restart on a busy machine failed
 * two requests without it (seen).
 */
async function takeUp(server: Server): Promise<void> {
  let accepted = 0;
  const count = (): void => void accepted++;
  server.on('connection', count);
  await turn(); // to the end of this one
  for (let turns = 0, before = -1; turns < TURNS_MAX && accepted > before; turns++) {
    before = accepted;
    await turn();
  }
  server.off('connection', count);
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => resolve(count));
  });
}

/** The port that a server really listens on, which is another than was asked for if that was 0. */
export function listeningPort(server: { address(): string | { port: number } | null }): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Ids that no other process gives and that cost nothing: a name for this one, and a number. */
function requestIds(): () => string {
  const process = randomBytes(6).toString('hex');
  let count = 0;
  return () => `${process}-${(++count).toString(36)}`;
}
