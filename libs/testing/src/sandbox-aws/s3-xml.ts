import type { Answer } from './answer';
import type { AwsError } from './aws-error';
import { element, XML_HEADER } from './xml';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** S3 marks every answer with two ids; support asks for both. */
export function s3Headers(requestId: string): Record<string, string> {
  return { 'x-amz-request-id': requestId, 'x-amz-id-2': `sandbox/${requestId}` };
}

export function s3Document(root: string, content: string, requestId: string): Answer {
  return {
    httpStatus: 200,
    headers: { ...s3Headers(requestId), 'content-type': 'application/xml' },
    body: `${XML_HEADER}<${root} xmlns="${NAMESPACE}">${content}</${root}>`,
  };
}

export function s3Empty(
  httpStatus: number,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { httpStatus, headers: { ...s3Headers(requestId), ...headers }, body: '' };
}

/** An answer to HEAD has no body, so all a client learns is the status and the headers. */
export function s3Error(error: AwsError, requestId: string, isHead: boolean): Answer {
  const headers = { ...s3Headers(requestId), ...error.headers };
  if (isHead) return { httpStatus: error.httpStatus, headers, body: '' };
  const fields = [
    element('Code', error.code),
    element('Message', error.message),
    ...Object.entries(error.details).map(([name, value]) => element(name, value)),
    element('RequestId', requestId),
    element('HostId', headers['x-amz-id-2'] ?? ''),
  ];
  return {
    httpStatus: error.httpStatus,
    headers: { ...headers, 'content-type': 'application/xml' },
    body: `${XML_HEADER}<Error>${fields.join('')}</Error>`,
  };
}
