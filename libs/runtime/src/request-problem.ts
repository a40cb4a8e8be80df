import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from './logger';

/** Why a request is not done, in words for the one who sent it. */
export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
  /** What the answer says beside code and message. */
  details: Readonly<Record<string, unknown>> = {};

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  with(details: Readonly<Record<string, unknown>>): this {
    this.details = details;
    return this;
  }
}

/** What an answer is made of. */
type Described = Pick<RequestProblem, 'status' | 'code' | 'message' | 'headers'> & {
  details?: RequestProblem['details'];
};

interface Request {
  id: string;
}

interface Reply {
  code(status: number): Reply;
  headers(headers: Record<string, string>): Reply;
  send(body: unknown): Reply;
}

/** Said outright, since the handler of a page may have said text/html before it threw. */
const JSON_TYPE = 'application/json; charset=utf-8';

/** Turns what was thrown into an answer: a problem says what it is, and anything else is a fault of ours that says nothing. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  /** @param problemOf what an error means for the sender, where a process knows: what it needs is away, say */
  constructor(
    private readonly log: Logger,
    private readonly problemOf: (error: unknown) => RequestProblem | undefined = () => undefined,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<Request>(), http.getResponse<Reply>());
  }

  /** The same for what fails before Nest has it: a hook, or Fastify's own parsing. */
  answer(error: unknown, { id: requestId }: Request, reply: Reply): void {
    const { status, code, message, headers, details } = this.describe(error, requestId);
    reply.code(status).headers({ ...headers, 'content-type': JSON_TYPE });
    reply.send({ code, message, requestId, ...details });
  }

  private describe(error: unknown, requestId: string): Described {
    if (error instanceof RequestProblem) return error;
    if (error instanceof HttpException) return fromStatus(error.getStatus());
    if (isClientError(error)) return fromStatus(error.statusCode);
    const known = this.problemOf(error);
    if (known !== undefined) return known;
    this.log.error({ err: error, requestId }, 'request failed');
    return fromStatus(500);
  }
}

const byStatus: Record<number, [code: string, message: string]> = {
  400: ['request.malformed', 'the request is malformed'],
  404: ['request.not_found', 'there is nothing here'],
  405: ['request.method_not_allowed', 'this address does not take that method'],
  408: ['request.timeout', 'the request did not arrive in time'],
  413: ['request.too_large', 'the body is larger than allowed'],
  415: ['request.unsupported_media_type', 'the body has a type that is not taken here'],
};

function fromStatus(status: number): Described {
  const known = byStatus[status];
  if (known === undefined && status < 500)
    return { status, code: 'request.refused', message: 'the request is refused', headers: {} };
  const [code, message] = known ?? ['internal', 'something went wrong on our side'];
  return { status: known === undefined ? 500 : status, code, message, headers: {} };
}

/** Fastify's own refusals carry a status; those below 500 are the sender's. */
function isClientError(error: unknown): error is { statusCode: number } {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    error.statusCode >= 400 &&
    error.statusCode < 500
  );
}
