// The house rules a machine can check. The walls between the libraries are rules here because npm hoisting and tsconfig paths
// put no wall anywhere: every file could import every package. Each message says where the code belongs instead.
import tseslint from 'typescript-eslint';

const AWS = {
  group: ['@aws-sdk/*', '@smithy/*'],
  message: 'Only libs/aws knows the AWS SDK; add what you need to its sinks or clients.',
};
const QUEUE = {
  group: ['bullmq', 'bullmq/*'],
  message: 'Only libs/queue, libs/sources and libs/notifications know BullMQ, each its own queues.',
};
const REDIS = {
  group: ['ioredis', 'ioredis/*'],
  message: 'Only libs/queue opens Redis; it is handed to who keeps something there.',
};
const NEST = {
  group: ['@nestjs/*', 'rxjs', 'rxjs/*'],
  message:
    'Nest is the shell: main.ts, *.module.ts, *.controller.ts and libs/runtime only. Put decisions into a plain class or function.',
};
const NODE = {
  group: ['node:*'],
  message: 'libs/core is pure: no I/O, no clock, no chance. Take the value as an argument.',
};
const APPS = {
  group: ['**/apps/**', '../../*/src/**', '../../../*/src/**'],
  message: 'Nothing imports an app. Apps talk through queues, the broker or HTTP.',
};
const OUTSIDE = {
  group: ['**/tools/**', '**/e2e/**'],
  message:
    'Nothing that runs in production imports a command or a story: move what you need to a library.',
};
const DEEP = {
  group: ['@logferry/*/**', '**/libs/**'],
  message: 'Import a library by its name (@logferry/…): its index.ts is its wall.',
};
const TESTING = {
  group: ['@logferry/testing'],
  message: 'libs/testing is for tests and tools, never for production code.',
};
const CLI =
  'npx logferry knows the console and its API: what it needs is to be had there, or in libs/core.';
const lib = (name, why) => ({ group: [`@logferry/${name}`], message: why });
const noAdapter = (name) =>
  lib(
    name,
    `Adapters do not know each other; only an app's use case introduces libs/${name} to another library.`,
  );
const third = (names, why) => ({ group: names, message: why });

const wall = (files, patterns, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns: [DEEP, APPS, ...patterns] }] },
});

/** The wall of something that runs in production. */
const inner = (files, patterns, ignores) => wall(files, [OUTSIDE, ...patterns], ignores);

const TESTS = ['**/*.test.ts', '**/*.testbed.ts'];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**', '.logferry/**'] },
  ...tseslint.configs.recommendedTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-array-sort-compare': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      'no-restricted-exports': [
        'error',
        { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } },
      ],
      'no-console': 'error',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'max-depth': ['error', 3],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only libs/runtime/src/config.ts reads the environment; take a typed value.',
        },
        {
          object: 'process',
          property: 'exit',
          message:
            'Only libs/runtime/src/run-app.ts and tools end a process; throw, or set process.exitCode.',
        },
      ],
    },
  },

  // The walls. Rows and columns: ARCHITECTURE.md, "Where does a line of code go?".
  inner(
    ['libs/core/src/**'],
    [
      AWS,
      QUEUE,
      REDIS,
      NEST,
      NODE,
      lib('*', 'libs/core imports no other library: it is what they all stand on.'),
    ],
    TESTS,
  ),
  {
    files: ['libs/core/src/**'],
    ignores: TESTS,
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is an argument in libs/core (nowMs).' },
        {
          object: 'Math',
          property: 'random',
          message: 'Chance is an argument in libs/core (entropy).',
        },
      ],
    },
  },
  inner(
    ['libs/queue/src/**'],
    [
      AWS,
      NEST,
      TESTING,
      noAdapter('aws'),
      noAdapter('store'),
      lib('runtime', 'Take logger and numbers as arguments.'),
    ],
    TESTS,
  ),
  inner(
    ['libs/store/src/**'],
    [
      AWS,
      QUEUE,
      NEST,
      TESTING,
      noAdapter('aws'),
      noAdapter('queue'),
      lib('runtime', 'Take logger and numbers as arguments.'),
    ],
    TESTS,
  ),
  inner(
    ['libs/aws/src/**'],
    [
      QUEUE,
      REDIS,
      NEST,
      TESTING,
      noAdapter('queue'),
      noAdapter('store'),
      lib('runtime', 'Take logger and numbers as arguments.'),
    ],
    TESTS,
  ),
  inner(
    ['libs/auth0/src/**'],
    [
      ...[AWS, QUEUE, REDIS, NEST, TESTING],
      ...['aws', 'queue', 'store', 'sources', 'notifications'].map(noAdapter),
      lib('runtime', 'Take logger and numbers as arguments.'),
    ],
    TESTS,
  ),
  ...['sources', 'notifications'].map((name) =>
    inner(
      [`libs/${name}/src/**`],
      [
        ...[AWS, NEST, TESTING],
        ...['aws', 'auth0', 'queue', 'store', 'sources', 'notifications']
          .filter((other) => other !== name)
          .map(noAdapter),
        lib('runtime', 'Take logger and numbers as arguments.'),
      ],
      TESTS,
    ),
  ),
  inner(
    ['libs/runtime/src/**'],
    [
      ...[AWS, QUEUE, REDIS, TESTING],
      ...['aws', 'auth0', 'queue', 'store', 'sources', 'notifications'].map(noAdapter),
    ],
    TESTS,
  ),
  inner(['libs/worker/src/**'], [AWS, QUEUE, REDIS, NEST, TESTING, noAdapter('aws')], TESTS),
  inner(
    ['libs/testing/src/**'],
    [
      AWS,
      QUEUE,
      NEST,
      ...['queue', 'store', 'aws', 'auth0', 'sources', 'notifications', 'runtime', 'worker'].map(
        (n) => lib(n, 'libs/testing is an outside judge: it may know libs/core only.'),
      ),
    ],
    TESTS,
  ),
  inner(
    ['apps/*/src/**'],
    [AWS, QUEUE, REDIS, NEST, TESTING],
    [...TESTS, '**/main.ts', '**/*.module.ts', '**/*.controller.ts'],
  ),
  inner(
    ['apps/*/src/main.ts', 'apps/*/src/*.module.ts', 'apps/*/src/*.controller.ts'],
    [AWS, QUEUE, REDIS, TESTING],
  ),
  wall(['tools/**/*.ts'], [AWS, QUEUE, NEST], [...TESTS, 'tools/cli/**']),
  wall(
    ['tools/cli/**/*.ts'],
    [
      ...[AWS, QUEUE, NEST, REDIS, TESTING],
      ...['aws', 'auth0', 'queue', 'sources', 'notifications', 'runtime', 'store', 'worker'].map(
        (name) => lib(name, CLI),
      ),
    ],
    TESTS,
  ),
  wall(
    ['e2e/**/*.ts'],
    [QUEUE, NEST, third(['@logferry/aws'], 'End-to-end tests look from outside.')],
  ),

  { files: ['libs/runtime/src/{config,run-app}.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: [
      'tools/**/*.ts',
      'e2e/**/*.ts',
      'libs/testing/src/**/*.ts',
      ...TESTS,
      'apps/*/src/main.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: ['tools/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: TESTS,
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.object.name='jest'][callee.property.name=/^(mock|spyOn|fn)$/]",
          message: 'No mocks: a hand-written fake, a real Redis, the sandbox AWS.',
        },
        {
          selector: "CallExpression[callee.name='setTimeout']",
          message: 'Wait for a fact (until(…)), never for time.',
        },
      ],
    },
  },
  {
    // The one file that looks into all apps: it writes down their settings.
    files: ['tools/reference-files.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
);
