import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What `npm start` makes up for this clone once, so that nobody has to think of passwords to try things out. */
export interface LocalSecrets {
  brokerSecret: string;
  consolePassword: string;
  platformKey: string;
}

export function localSecrets(file: string): LocalSecrets {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as LocalSecrets;
  const random = (): string => randomBytes(18).toString('base64url');
  const secrets = {
    brokerSecret: random(),
    consolePassword: random(),
    platformKey: `platform-${random()}`,
  };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
