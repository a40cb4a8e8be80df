// Secrets stand in no file that is kept beside code: a file says where one is to be had.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** `${ENV:NAME}`, a variable of the environment, or `${FILE:path}`, a file, as seen from the one that names it. */
const shape = /^\$\{(ENV|FILE):([^}]+)\}$/;

export interface SecretReference {
  from: 'ENV' | 'FILE';
  name: string;
}

export function secretReference(text: unknown): SecretReference | undefined {
  const [, from, name] = shape.exec(typeof text === 'string' ? text : '') ?? [];
  return name === undefined ? undefined : { from: from === 'ENV' ? 'ENV' : 'FILE', name };
}

export function referenceText({ from, name }: SecretReference): string {
  return `\${${from}:${name}}`;
}

/** The secret itself, without the newline at the end of a file; or why it cannot be had. */
export function resolveSecret(
  { from, name }: SecretReference,
  folder: string,
): { secret: string } | { problem: string } {
  if (from === 'ENV') {
    const secret = process.env[name] ?? '';
    return secret === '' ? { problem: `the variable ${name} is not set` } : { secret };
  }
  try {
    const secret = readFileSync(resolve(folder, name), 'utf8').trim();
    return secret === '' ? { problem: `the file ${name} is empty` } : { secret };
  } catch {
    return { problem: `the file ${name} cannot be read` };
  }
}
