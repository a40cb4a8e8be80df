// The secrets that nobody chose: they come into being while everything runs.
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from './secret-search';
import type { Stack } from './stack';

const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const;

/** What of a key in PEM nobody else may know. */
export function privateParts(pem: string, name: string): Secret[] {
  const jwk = createPrivateKey(pem).export({ format: 'jwk' });
  return PRIVATE_PARTS.flatMap((part) => {
    const text = jwk[part];
    return text === undefined
      ? []
      : [{ name: `${part} of ${name}`, text: Buffer.from(text, 'base64url') }];
  });
}

/** The sessions that STS has handed out, and the keys that identity tokens are signed with. */
export function issuedSecrets({ aws, signingKeysDir }: Stack): Secret[] {
  const sessions = aws.issuedSessions().flatMap((session) => [
    { name: "a session's id", text: session.accessKeyId },
    { name: "a session's secret", text: session.secretAccessKey },
    { name: "a session's token", text: session.sessionToken },
  ]);
  const keys = readdirSync(signingKeysDir).flatMap((file) => {
    const content = readFileSync(join(signingKeysDir, file), 'utf8');
    return privateParts(
      (JSON.parse(content) as { privateKey: string }).privateKey,
      'a signing key',
    );
  });
  return [...sessions, ...keys];
}
