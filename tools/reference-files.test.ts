import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceFiles } from './reference-files';

test.each(Object.entries(referenceFiles()))(
  '%s says what the code says (npm run reference writes it)',
  (path, content) => {
    expect(readFileSync(join(__dirname, '..', path), 'utf8')).toBe(content);
  },
);
