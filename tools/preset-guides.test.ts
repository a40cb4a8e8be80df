// The guides to the presets have every variable, as the code reads it.
import {
  auth0ExtensionSettings,
  variableSetNames,
  variableSets,
  type Variable,
} from '@logferry/core';
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

test('the guide to auth0 has every setting of the extension, and what becomes of it', () => {
  const guide = readFileSync(join(__dirname, '..', 'docs', 'guides', 'auth0.md'), 'utf8');
  const rows = [...guide.matchAll(/^\| (source|channel|destination) +\| `(\w+)` +\|/gm)];
  const settings = Object.entries(auth0ExtensionSettings).map(([name, { of }]) => [name, of]);
  expect(rows.map(([, of, name]) => [name, of])).toEqual(settings);
  for (const setting of Object.values(auth0ExtensionSettings))
    if ('aliases' in setting && setting.of === 'channel')
      for (const alias of setting.aliases) expect(guide).toContain(`\`${alias}\``);
});
