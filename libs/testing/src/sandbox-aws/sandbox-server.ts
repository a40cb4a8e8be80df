// The one HTTP server. It tells the services apart the way the SDKs make them: CloudWatch Logs by X-Amz-Target, STS by a form
// posted to the root, the control API and the page by their paths, and S3 by being everything else.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Answer } from './answer';
import type { ServiceName } from './authenticate';
import { AwsError } from './aws-error';
import { answerLogs, logsError, logsOperation } from './cloudwatch-logs';
import { Exchange } from './exchange';
import { ClientGone, ConnectionReset } from './faults';
import type { Gate } from './gate';
import { SANDBOX } from './limits';
import { answerLocally, isLocalRequest, problem } from './local-requests';
import { BodyTooLarge, readBody } from './read-body';
import { readS3Address } from './s3-address';
import { s3Operation } from './s3-operation';
import { answerS3 } from './s3';
import { s3Error } from './s3-xml';
import type { SandboxControl } from './sandbox-control';
import type { SandboxState } from './sandbox-state';
import { answerSts, stsOperation } from './sts';
import { stsError } from './sts-xml';
import { readWireRequest } from './wire-request';
import type { WireRequest } from './wire-request';

export interface ServerParts {
  readonly state: SandboxState;
  readonly control: SandboxControl;
  readonly hostnames: readonly string[];
  readonly objectBytesMax: number;
}

export function createSandboxServer(parts: ServerParts): Server {
  const answer = (message: IncomingMessage, response: ServerResponse): void => {
    const exchange = new Exchange(message, response, () => parts.state.nowMs());
    void handle(exchange, parts);
  };
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 300_000 }, answer);
  server.maxConnections = SANDBOX.connectionsMax;
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    answer(message, response);
  });
  return server;
}

async function handle(exchange: Exchange, parts: ServerParts): Promise<void> {
  try {
    await exchange.send(
      isLocalRequest(exchange.message)
        ? await answerLocally(exchange.message, parts.control)
        : await answerAsAws(exchange, parts),
    );
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (error instanceof ConnectionReset) exchange.reset();
    else {
      // A mistake of the sandbox itself: said loudly, since a test must not take it for an answer of AWS's.
      process.emitWarning(error instanceof Error ? error : String(error));
      await exchange.send(
        problem(500, 'The sandbox has made a mistake; its own output says which.'),
      );
    }
  }
}

/** One call as the server sees it before any service has looked inside. */
interface Call {
  readonly service: ServiceName;
  readonly operation: string;
  readonly answer: (gate: Gate) => Promise<Answer>;
}

async function answerAsAws(exchange: Exchange, parts: ServerParts): Promise<Answer> {
  const { state } = parts;
  const service = serviceOf(exchange.message);
  let operation = 'Unknown';
  let end: (() => void) | undefined;
  try {
    const request = await readRequest(exchange.message, service, parts);
    const call = prepareCall(request, service, { exchange, parts });
    operation = call.operation;
    end = state.counters.begin(`${service}:${operation}`);
    const answer = await call.answer((subject) => state.faults.apply(subject, exchange));
    state.counters.countCall(`${service}:${operation}`, undefined);
    return answer;
  } catch (thrown) {
    if (thrown instanceof ClientGone || thrown instanceof ConnectionReset) {
      state.counters.countCall(`${service}:${operation}`, thrown.constructor.name);
      throw thrown;
    }
    if (!(thrown instanceof AwsError)) throw thrown;
    state.counters.countCall(`${service}:${operation}`, thrown.code);
    return renderError(thrown, service, exchange);
  } finally {
    end?.();
  }
}

function serviceOf(message: IncomingMessage): ServiceName {
  if (message.headers['x-amz-target'] !== undefined) return 'logs';
  const type = message.headers['content-type'] ?? '';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  const isRoot = /^\/?(\?|$)/u.test(message.url ?? '/');
  return message.method === 'POST' && isRoot && isForm ? 'sts' : 's3';
}

async function readRequest(
  message: IncomingMessage,
  service: ServiceName,
  parts: ServerParts,
): Promise<WireRequest> {
  const bytesMax: Readonly<Record<ServiceName, number>> = {
    logs: SANDBOX.logsBodyBytesMax,
    sts: SANDBOX.stsBodyBytesMax,
    s3: parts.objectBytesMax,
  };
  try {
    return readWireRequest(message, await readBody(message, bytesMax[service]));
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw service === 's3'
      ? new AwsError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
      : new AwsError('RequestEntityTooLargeException', 'Request is too large.', 413);
  }
}

function prepareCall(
  request: WireRequest,
  service: ServiceName,
  { exchange, parts }: { readonly exchange: Exchange; readonly parts: ServerParts },
): Call {
  const context = { state: parts.state, requestId: exchange.requestId };
  if (service === 'logs') {
    const operation = logsOperation(request) ?? 'Unknown';
    return { service, operation, answer: (gate) => answerLogs(request, { ...context, gate }) };
  }
  if (service === 'sts') {
    const operation = stsOperation(request);
    return { service, operation, answer: (gate) => answerSts(request, { ...context, gate }) };
  }
  const address = readS3Address(request, parts.hostnames);
  const operation = s3Operation(request, address);
  const s3 = { ...context, address, operation };
  return { service, operation, answer: (gate) => answerS3(request, { ...s3, gate }) };
}

function renderError(error: AwsError, service: ServiceName, exchange: Exchange): Answer {
  if (service === 'logs') return logsError(error, exchange.requestId);
  if (service === 'sts') return stsError(error, exchange.requestId);
  return s3Error(error, exchange.requestId, exchange.message.method === 'HEAD');
}
