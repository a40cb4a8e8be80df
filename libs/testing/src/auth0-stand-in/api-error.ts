import type { Answer } from '../sandbox-aws/answer';

/** An error as the Management API words it. */
export class ApiError extends Error {
  constructor(
    readonly httpStatus: number,
    message: string,
    readonly errorCode?: string,
  ) {
    super(message);
  }
}

const NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  414: 'Request-URI Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

export function errorAnswer({ httpStatus, message, errorCode }: ApiError): Answer {
  const body = {
    statusCode: httpStatus,
    error: NAMES[httpStatus] ?? 'Error',
    message,
    // A token's faults come with attributes, all others with a code.
    ...(errorCode === undefined ? { attributes: { error: message } } : { errorCode }),
  };
  return json(httpStatus, body);
}

export function json(httpStatus: number, body: unknown): Answer {
  return {
    httpStatus,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}
