import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../processes';

/** Of this command: that of the clone, or of the image, that it lies in. */
export function ownVersion(): string {
  const file = join(ROOT, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
