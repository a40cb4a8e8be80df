import type { Answer } from './answer';
import type { AwsError } from './aws-error';
import type { IssuedSession } from './identities';
import { element } from './xml';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

export function stsResult(operation: string, result: string, requestId: string): Answer {
  return {
    httpStatus: 200,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body: `<${operation}Response xmlns="${NAMESPACE}"><${operation}Result>${result}</${operation}Result><ResponseMetadata>${element('RequestId', requestId)}</ResponseMetadata></${operation}Response>`,
  };
}

export function stsError(error: AwsError, requestId: string): Answer {
  const type = error.httpStatus >= 500 ? 'Receiver' : 'Sender';
  const fields = [
    element('Type', type),
    element('Code', error.code),
    element('Message', error.message),
  ];
  return {
    httpStatus: error.httpStatus,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId, ...error.headers },
    body: `<ErrorResponse xmlns="${NAMESPACE}"><Error>${fields.join('')}</Error>${element('RequestId', requestId)}</ErrorResponse>`,
  };
}

export function credentialsXml(session: IssuedSession): string {
  const expiration = new Date(session.expiresAtMs).toISOString().replace(/\.\d{3}Z$/u, 'Z');
  return `<Credentials>${[
    element('AccessKeyId', session.accessKeyId),
    element('SecretAccessKey', session.secretAccessKey),
    element('SessionToken', session.sessionToken),
    element('Expiration', expiration),
  ].join('')}</Credentials>`;
}

export function assumedRoleUserXml(arn: string, assumedRoleId: string): string {
  return `<AssumedRoleUser>${element('Arn', arn)}${element('AssumedRoleId', assumedRoleId)}</AssumedRoleUser>`;
}
