// The errors that faults answer with, in each service's own words and status codes.
import type { ServiceName } from './authenticate';
import { AwsError } from './aws-error';
import type { FaultAction } from './fault-spec';
import type { CallSubject } from './gate';

const THROTTLES: Readonly<Record<ServiceName, readonly [string, string, number]>> = {
  logs: ['ThrottlingException', 'Rate exceeded', 400],
  sts: ['Throttling', 'Rate exceeded', 400],
  s3: ['SlowDown', 'Please reduce your request rate.', 503],
};

type ServerErrors = Readonly<Record<'failure' | 'unavailable', readonly [string, string]>>;

const SERVER_ERRORS: Readonly<Record<ServiceName, ServerErrors>> = {
  logs: {
    failure: ['InternalFailure', 'The request processing has failed because of an internal error.'],
    unavailable: ['ServiceUnavailableException', 'The service cannot complete the request.'],
  },
  sts: {
    failure: ['InternalFailure', 'The request processing has failed because of an internal error.'],
    unavailable: ['ServiceUnavailable', 'Service is unavailable'],
  },
  s3: {
    failure: ['InternalError', 'We encountered an internal error. Please try again.'],
    unavailable: ['ServiceUnavailable', 'Service is unable to handle request.'],
  },
};

/** The error an action stands for, or undefined where it acts otherwise. */
export function faultError(action: FaultAction, subject: CallSubject): AwsError | undefined {
  const { service } = subject;
  switch (action.kind) {
    case 'throttle': {
      const headers: Record<string, string> =
        action.retryAfterSeconds === undefined
          ? {}
          : { 'retry-after': String(action.retryAfterSeconds) };
      return new AwsError(...THROTTLES[service], { headers });
    }
    case 'deny':
      return denial(subject);
    case 'server-error': {
      const httpStatus = action.httpStatus ?? 500;
      const { failure, unavailable } = SERVER_ERRORS[service];
      return new AwsError(...(httpStatus === 500 ? failure : unavailable), httpStatus);
    }
    case 'error':
      return new AwsError(action.code, action.message, action.httpStatus);
    default:
      return undefined;
  }
}

function denial({ service, operation, principalArn }: CallSubject): AwsError {
  const action = `${service}:${operation}`;
  const message =
    principalArn === undefined
      ? `Not authorized to perform ${action}`
      : `User: ${principalArn} is not authorized to perform: ${action} with an explicit deny in a service control policy`;
  return service === 'logs'
    ? new AwsError('AccessDeniedException', message)
    : new AwsError('AccessDenied', message, 403);
}
