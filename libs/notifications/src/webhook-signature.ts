import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newSigningSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

export interface Signed {
  id: string;
  timestampSeconds: number;
  body: string;
}

/**
 * The headers by which whoever receives a message knows that it is ours, and of when it is, as Standard Webhooks has them
 * (https://www.standardwebhooks.com): there are libraries for it in most languages.
 */
export function signatureHeaders(signingSecret: string, signed: Signed): Record<string, string> {
  return {
    'webhook-id': signed.id,
    'webhook-timestamp': String(signed.timestampSeconds),
    'webhook-signature': `v1,${signatureOf(signingSecret, signed).toString('base64')}`,
  };
}

/** Whether one of the signatures of a header is right. */
export function isSignedBy(signingSecret: string, signed: Signed, signatures: string): boolean {
  const right = signatureOf(signingSecret, signed);
  return signatures.split(' ').some((signature) => {
    const [version, base64 = ''] = signature.split(',');
    const given = Buffer.from(base64, 'base64');
    return version === 'v1' && given.length === right.length && timingSafeEqual(given, right);
  });
}

function signatureOf(signingSecret: string, { id, timestampSeconds, body }: Signed): Buffer {
  const key = Buffer.from(signingSecret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest();
}
