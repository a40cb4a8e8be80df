// An STS that gives everybody a session, whose key names the account, so that the double behind it knows who writes.
import type { IncomingMessage, ServerResponse } from 'node:http';

const ACCOUNT = /arn%3Aaws%3Aiam%3A%3A(\d{12})%3A/;
const KEY = /Credential=ASIA(\d{12})/;

export const isSts = (request: IncomingMessage): boolean =>
  request.headers['content-type'] === 'application/x-www-form-urlencoded';

/** Whose account a signed request is for. */
export const accountOf = ({ headers }: IncomingMessage): string =>
  KEY.exec(headers.authorization ?? '')?.[1] ?? '';

export function answerSts(request: IncomingMessage, response: ServerResponse): void {
  let form = '';
  request.setEncoding('latin1');
  request.on('data', (data: string) => (form += data));
  request.on('end', () => {
    const account = ACCOUNT.exec(form)?.[1] ?? '000000000000';
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>` +
          `<AccessKeyId>ASIA${account}0000</AccessKeyId><SecretAccessKey>bench</SecretAccessKey><SessionToken>bench</SessionToken>` +
          `<Expiration>${expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      );
  });
}
