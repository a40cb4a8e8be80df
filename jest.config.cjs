const { availableParallelism } = require('node:os');

// Jest runs the TypeScript sources through swc, so a test run needs no build. Process tests (e2e) start the built apps from dist/.
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      swcrc: false,
      sourceMaps: 'inline',
      jsc: {
        target: 'es2024',
        parser: { syntax: 'typescript', decorators: true },
        transform: {
          legacyDecorator: true,
          decoratorMetadata: true,
          useDefineForClassFields: true,
        },
        keepClassNames: true,
      },
      module: { type: 'commonjs' },
    },
  ],
};

module.exports = {
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/tools', '<rootDir>/e2e'],
  testEnvironment: '<rootDir>/libs/testing/src/jest-environment.cjs',
  testRegex: '\\.test\\.ts$',
  moduleFileExtensions: ['js', 'json', 'ts'],
  moduleNameMapper: {
    '^@logferry/(core|queue|store|aws|auth0|sources|notifications|runtime|worker|testing)$':
      '<rootDir>/libs/$1/src',
  },
  transform,
  setupFilesAfterEnv: ['<rootDir>/libs/testing/src/jest-setup.ts'],
  // Waits in tests have limits of their own, which say what was waited for; Jest's 5 s ended healthy tests on busy machines.
  testTimeout: 30_000,
  // Jest would leave one processor idle, and on two have one worker. Tests wait for processes and for Redis much of their time: two
  // workers used 56 % of two processors (measured).
  maxWorkers: Math.max(3, availableParallelism() - 1),
  workerIdleMemoryLimit: '512MB',
};
