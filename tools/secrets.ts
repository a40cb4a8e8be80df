import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What `npm start` makes up for this clone once, so that nobody has to think of passwords to try things out. */
export interface LocalSecrets {
  brokerSecret: string;
  sealingKeys: string;
  externalIdSecret: string;
  platformSecretAccessKey: string;
  consolePassword: string;
  platformKey: string;
}

export function localSecrets(file: string): LocalSecrets {
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<LocalSecrets>)
    : {};
  const random = (): string => randomBytes(18).toString('base64url');
  // What a clone of before did not need is made up now, and the rest stays.
  const secrets = {
    brokerSecret: random(),
    sealingKeys: `1:${randomBytes(32).toString('base64')}`,
    externalIdSecret: random(),
    platformSecretAccessKey: random(),
    consolePassword: random(),
    platformKey: `platform-${random()}`,
    ...known,
  };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
