// npm run reference: writes the reference pages and .env.example.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './processes';
import { referenceFiles } from './reference-files';

for (const [path, content] of Object.entries(referenceFiles())) {
  const file = join(ROOT, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  process.stdout.write(`${path}\n`);
}
