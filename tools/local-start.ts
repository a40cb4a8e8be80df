// What `npm start` leaves for the commands of the same clone: where everything is, and what opens it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './processes';

const FILE = join(ROOT, '.logferry', 'start.json');

export interface LocalStart {
  /** Ingest, and a key that it takes. */
  url: string;
  key: string;
  console: { url: string; password: string };
  /** The HTTP address of each process, by its name. */
  processes: Partial<Record<string, string>>;
}

export function writeLocalStart(local: LocalStart): void {
  writeFileSync(FILE, JSON.stringify(local), { mode: 0o600 });
}

/** Nothing, if it has not run here; what an older version left may lack something. */
export function readLocalStart(): Partial<LocalStart> | undefined {
  return existsSync(FILE)
    ? (JSON.parse(readFileSync(FILE, 'utf8')) as Partial<LocalStart>)
    : undefined;
}
