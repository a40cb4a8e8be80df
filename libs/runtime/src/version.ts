import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of Logferry, as package.json says it: above the sources, and above what they are built into. */
export const VERSION = versionAbove(__dirname);

function versionAbove(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file))
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  return folder === dirname(folder) ? 'unknown' : versionAbove(dirname(folder));
}
