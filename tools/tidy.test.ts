// The rules of the house that no linter knows, as a test of the tree itself: imports without cycles, files named after their one
// thing, documents that speak of what exists.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { ESLint } from 'eslint';
import { failureKinds, notificationKinds } from '@logferry/core';

const ROOT = join(__dirname, '..');

/** What git has or would have, so that neither builds nor what somebody left lying about counts. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
})
  .toString()
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));
const sources = files.filter((file) => /^(apps|libs|tools|e2e)\/.*\.ts$/.test(file));
const documents = files.filter((file) => file.endsWith('.md'));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

test('there is a tree to look at', () => {
  expect(sources.length).toBeGreaterThan(150);
  expect(documents.length).toBeGreaterThan(10);
});

test('every file is named in kebab-case, after its one thing, and none is a drawer', () => {
  const drawers =
    /(^|\/)(utils?|common|shared|helpers?|types|interfaces|lib|misc)(\.ts|\/)|\.(service|dto|entity|interface)\.ts$/;
  const odd = sources.filter((file) => {
    const [name = ''] = basename(file).split('.');
    return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || drawers.test(file);
  });
  expect(odd).toEqual([]);
});

test('only a library has a barrel, at its wall', () => {
  const barrels = sources.filter((file) => basename(file) === 'index.ts');
  expect(barrels.filter((file) => !/^libs\/[a-z0-9]+\/src\/index\.ts$/.test(file))).toEqual([]);
});

/** The files that a source imports, libraries by their index. */
function importsOf(file: string): string[] {
  const specifiers = [
    ...read(file).matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from '([^']+)';/gms),
  ].map(([, specifier = '']) => specifier);
  return specifiers
    .map((specifier) => {
      if (specifier.startsWith('@logferry/'))
        return `libs/${specifier.slice('@logferry/'.length)}/src/index.ts`;
      if (!specifier.startsWith('.')) return '';
      return `${relative(ROOT, join(ROOT, dirname(file), specifier))}.ts`;
    })
    .filter((path) => sources.includes(path));
}

test('no imports go round in a circle', () => {
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'open')
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (state.has(file)) return;
    state.set(file, 'open');
    for (const next of importsOf(file)) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  sources.forEach((file) => visit(file, []));
  expect(circles).toEqual([]);
});

test('no source is imported by nobody', () => {
  const imported = new Set(sources.flatMap(importsOf));
  const entries =
    /(\.test|\.testbed|\/main|\/index)\.ts$|^tools\/(bench|certificates|faults|reference|send|start)\.ts$|^tools\/bench\/(load|paced-load|counting-aws|scripted-aws|bare-node)\.ts$|jest-setup\.ts$/;
  const typeOnly = new Set(
    sources.flatMap((file) =>
      [...read(file).matchAll(/from '(\.[^']+)'/g)].map(
        ([, to = '']) => `${relative(ROOT, join(ROOT, dirname(file), to))}.ts`,
      ),
    ),
  );
  expect(
    sources.filter((file) => !entries.test(file) && !imported.has(file) && !typeOnly.has(file)),
  ).toEqual([]);
});

test("a controller's parts are injected by name: without, one would be undefined and nobody would say so", () => {
  const controllers = sources.filter((file) => file.endsWith('.controller.ts'));
  expect(controllers.length).toBeGreaterThan(2);
  for (const file of controllers) {
    const parameters = /constructor\(([\s\S]*?)\)\s*\{/.exec(read(file))?.[1] ?? '';
    const declared = parameters.split('private readonly').length - 1;
    expect({ file, injected: parameters.split('@Inject(').length - 1 }).toEqual({
      file,
      injected: declared,
    });
  }
});

test('the documents name only files that exist', () => {
  const missing = documents.flatMap((document) => {
    const links = [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, to = '']) => join(dirname(document), to),
    );
    const named = [...read(document).matchAll(/`((?:apps|libs|tools|e2e|docs)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    );
    return [...links, ...named]
      .filter((path) => !existsSync(join(ROOT, path)))
      .map((path) => `${document}: ${path}`);
  });
  expect(missing).toEqual([]);
});

test('the documents name only failures that exist', () => {
  const areas = 'credential|cloudwatch|s3|kms|network|destination|channel|batch|internal';
  const fieldNames = 'docs/reference/destinations.md'; // such as s3.bucket, which look the same
  const others = documents.filter((document) => document !== fieldNames);
  const named = others.flatMap((document) =>
    [...read(document).matchAll(new RegExp(`\`((?:${areas})\\.[a-z_]+)\``, 'g'))].map(
      ([, code = '']) => code,
    ),
  );
  const known = new Set<string>([...Object.keys(failureKinds), ...notificationKinds]);
  expect(named.filter((code) => !known.has(code))).toEqual([]);
});

test('nothing is left to be done later', () => {
  const marks = new RegExp(
    ['FIX' + 'ME', 'TO' + 'DO', 'XX' + 'X'].map((mark) => `\\b${mark}\\b`).join('|'),
  );
  expect(sources.filter((file) => marks.test(read(file)))).toEqual([]);
});

test('nothing tells of the machine that it was written on', () => {
  const machinePath = /\/(home|root|work|Users)\//;
  const texts = files.filter((file) => file !== 'package-lock.json' && !read(file).includes('\0'));
  expect(texts.length).toBeGreaterThan(sources.length);
  expect(texts.filter((file) => machinePath.test(read(file)))).toEqual([]);
});

test.each<[string, string, string]>([
  ['libs/core/src/lane.ts', "import { Redis } from 'ioredis';", 'ioredis'],
  ['libs/core/src/lane.ts', "import { readFileSync } from 'node:fs';", 'node:fs'],
  ['libs/queue/src/keys.ts', "import { Directory } from '@logferry/store';", '@logferry/store'],
  [
    'libs/queue/src/keys.ts',
    "import { S3Client } from '@aws-sdk/client-s3';",
    '@aws-sdk/client-s3',
  ],
  ['libs/store/src/api-key.ts', "import { Queue } from 'bullmq';", 'bullmq'],
  ['libs/aws/src/classify.ts', "import { BatchStore } from '@logferry/queue';", '@logferry/queue'],
  ['libs/auth0/src/index.ts', "import { Queue } from 'bullmq';", 'bullmq'],
  ['libs/sources/src/index.ts', "import { BatchStore } from '@logferry/queue';", '@logferry/queue'],
  [
    'libs/notifications/src/index.ts',
    "import { Runs } from '@logferry/sources';",
    '@logferry/sources',
  ],
  [
    'libs/runtime/src/secret.ts',
    "import { BatchStore } from '@logferry/queue';",
    '@logferry/queue',
  ],
  ['libs/worker/src/deliverable.ts', "import { Module } from '@nestjs/common';", '@nestjs/common'],
  ['libs/testing/src/redis.ts', "import { S3Sink } from '@logferry/aws';", '@logferry/aws'],
  ['apps/ingest/src/gate.ts', "import { Module } from '@nestjs/common';", '@nestjs/common'],
  ['apps/ingest/src/gate.ts', "import { Queue } from 'bullmq';", 'bullmq'],
  [
    'apps/ingest/src/ingest.module.ts',
    "import { startRedis } from '@logferry/testing';",
    '@logferry/testing',
  ],
  [
    'apps/ingest/src/gate.ts',
    "import { SessionCache } from '../../credential-broker/src/session-cache';",
    'credential-broker',
  ],
  ['apps/ingest/src/gate.ts', "import { HELP } from '../../../tools/send';", 'tools/send'],
  ['apps/ingest/src/ingest.module.ts', "import { HELP } from '../../../tools/send';", 'tools/send'],
  ['libs/queue/src/keys.ts', "import { Stack } from '../../../e2e/stack';", 'e2e/stack'],
  ['libs/queue/src/keys.ts', "import { Lane } from '@logferry/core/src/lane';", 'core/src/lane'],
  ['tools/send.ts', "import { Queue } from 'bullmq';", 'bullmq'],
  ['tools/cli/connection.ts', "import { Redis } from 'ioredis';", 'ioredis'],
  ['tools/cli/connection.ts', "import { ConfigStore } from '@logferry/store';", '@logferry/store'],
  ['e2e/stack.ts', "import { S3Sink } from '@logferry/aws';", '@logferry/aws'],
])('the wall of %s refuses: %s', async (file, line, specifier) => {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-imports',
  });
  const [result] = await eslint.lintText(`${line}\n`, { filePath: join(ROOT, file) });
  expect(result?.messages.map(({ message }) => message).join()).toContain(specifier);
});
