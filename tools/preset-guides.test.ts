// The guides to the presets have every variable, as the code reads it.
import { variableSetNames, variableSets, type Variable } from '@logferry/core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The rows of a guide's tables, their cells without what aligns them. */
function rowsOf(preset: string): string[] {
  return readFileSync(join(__dirname, '..', 'docs', 'guides', `${preset}.md`), 'utf8')
    .split('\n')
    .filter((line) => /^\| `[A-Z0-9_]+`/.test(line))
    .map((line) => line.replaceAll(/ +/g, ' '));
}

function rowOf(name: string, { isRequired, standard, meaning }: Variable): string {
  const without = standard ?? (isRequired === true ? 'nothing is exported' : '-');
  return `| \`${name}\` | ${isRequired === true ? 'yes' : 'no'} | ${without} | ${meaning} |`;
}

const presets = new Set(variableSetNames.map((set) => variableSets[set].preset));

test.each([...presets])('the guide to %s has its variables, and no others', (preset) => {
  const rows = variableSetNames
    .filter((set) => variableSets[set].preset === preset)
    .flatMap((set) =>
      Object.entries(variableSets[set].variables).map(([name, of]) => rowOf(name, of)),
    );
  expect(rows.length).toBeGreaterThan(4);
  expect(rowsOf(preset)).toEqual(rows);
});
