// CloudWatch Logs over JSON 1.1: the operation is named by X-Amz-Target, the answer and the errors are JSON.
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Answer } from './answer';
import { authenticate } from './authenticate';
import type { Caller } from './authenticate';
import { AwsError } from './aws-error';
import { filterLogEvents } from './filter-log-events';
import type { CallEffects, CallSubject, Gate } from './gate';
import { getLogEvents } from './get-log-events';
import { SANDBOX } from './limits';
import {
  createLogGroup,
  deleteLogGroup,
  describeLogGroups,
  listTagsForResource,
  putRetentionPolicy,
  tagResource,
} from './log-group-operations';
import type { LogPlace } from './log-store';
import { createLogStream, deleteLogStream, describeLogStreams } from './log-stream-operations';
import { LogsInput } from './logs-input';
import { putLogEvents } from './put-log-events';
import type { SandboxState } from './sandbox-state';
import type { WireRequest } from './wire-request';

/** Everything one operation needs to know about one call. */
export interface LogsCall {
  readonly input: LogsInput;
  readonly caller: Caller;
  readonly place: LogPlace;
  readonly state: SandboxState;
  readonly userAgent: string;
  readonly gate: (names: Pick<CallSubject, 'logGroup' | 'logStream'>) => Promise<CallEffects>;
}

export interface LogsContext {
  readonly state: SandboxState;
  readonly gate: Gate;
  readonly requestId: string;
}

const TARGET_PREFIX = 'Logs_20140328.';

const OPERATIONS: ReadonlyMap<string, (call: LogsCall) => Promise<object>> = new Map([
  ['PutLogEvents', putLogEvents],
  ['CreateLogGroup', createLogGroup],
  ['DeleteLogGroup', deleteLogGroup],
  ['DescribeLogGroups', describeLogGroups],
  ['PutRetentionPolicy', putRetentionPolicy],
  ['TagResource', tagResource],
  ['ListTagsForResource', listTagsForResource],
  ['CreateLogStream', createLogStream],
  ['DeleteLogStream', deleteLogStream],
  ['DescribeLogStreams', describeLogStreams],
  ['GetLogEvents', getLogEvents],
  ['FilterLogEvents', filterLogEvents],
]);

/** An operation the sandbox does not know is counted under one name, so that a client cannot grow the counters. */
export function logsOperation(request: WireRequest): string | undefined {
  const target = request.headers.get('x-amz-target');
  if (target?.startsWith(TARGET_PREFIX) !== true) return undefined;
  const operation = target.slice(TARGET_PREFIX.length);
  return OPERATIONS.has(operation) ? operation : 'Unknown';
}

export async function answerLogs(request: WireRequest, context: LogsContext): Promise<Answer> {
  const { state } = context;
  const caller = authenticate(request, 'logs', state.identities, state.nowMs());
  const operation = logsOperation(request) ?? 'Unknown';
  const operate = OPERATIONS.get(operation);
  if (operate === undefined) {
    throw new AwsError('UnknownOperationException', 'The sandbox does not know this operation.');
  }
  const { account, roleArn } = caller.principal;
  const input = LogsInput.parse(await readBody(request));
  const output = await operate({
    input,
    caller,
    place: { account, region: caller.region },
    state,
    userAgent: request.headers.get('user-agent') ?? '',
    gate: (names) => {
      state.quotas?.require({ account, region: caller.region, operation });
      return context.gate({
        service: 'logs',
        operation,
        principalArn: caller.principal.arn,
        accessKeyId: caller.accessKeyId,
        account,
        roleArn,
        region: caller.region,
        ...names,
      });
    },
  });
  return logsAnswer(200, output, context.requestId);
}

async function readBody(request: WireRequest): Promise<Buffer> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding === 'identity' || encoding === '') return request.body;
  if (encoding !== 'gzip') {
    throw new AwsError('SerializationException', `Content-Encoding ${encoding} is not supported.`);
  }
  try {
    return await promisify(gunzip)(request.body, { maxOutputLength: SANDBOX.logsBodyBytesMax });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new AwsError('RequestEntityTooLargeException', 'Request is too large.', 413);
    }
    throw new AwsError('SerializationException', 'The request body is not valid gzip.');
  }
}

function logsAnswer(httpStatus: number, body: object, requestId: string): Answer {
  return {
    httpStatus,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId },
    body: JSON.stringify(body),
  };
}

export function logsError(error: AwsError, requestId: string): Answer {
  const body = { __type: error.code, message: error.message };
  const answer = logsAnswer(error.httpStatus, body, requestId);
  return { ...answer, headers: { ...answer.headers, ...error.headers } };
}
