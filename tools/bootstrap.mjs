#!/usr/bin/env node
// The first step of every command: makes a fresh clone ready, then runs the command itself with the Node that comes with the packages.
// Plain JavaScript without dependencies, since it runs before there are any, on any Node from 20 on.
//
//   node tools/bootstrap.mjs COMMAND [arguments]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', '.bin', name);

/** What each command runs, and what it needs beforehand. */
const commands = {
  start: { script: 'dist/tools/start.js', needs: ['build', 'redis'] },
  send: { script: 'dist/tools/send.js', needs: ['build'] },
  logferry: { script: 'dist/tools/cli/main.js', needs: ['build'] },
  sandbox: { script: 'dist/libs/testing/src/sandbox-aws/main.js', needs: ['build'] },
  bench: { script: 'dist/tools/bench.js', needs: ['build', 'redis'] },
  reference: { script: 'dist/tools/reference.js', needs: ['build'] },
  faults: { script: 'dist/tools/faults.js', needs: ['build', 'redis', 'compiler'] },
  test: {
    // Nest's packages are ES modules; Jest loads them only with this flag.
    nodeOptions: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    script: 'node_modules/jest/bin/jest.js',
    needs: ['build', 'redis', 'compiler'],
  },
};

const say = (text) => process.stderr.write(`${text}\n`);

class CannotGoOn extends Error {}

function prepare(command, args) {
  const wantsHelp = args.includes('--help') || args.includes('-h');
  installPackages();
  if (command.needs.includes('build')) build();
  if (command.needs.includes('redis') && !wantsHelp) ensureRedis();
  if (command.needs.includes('compiler') && !wantsHelp) ensureCompiler();
}

/** npm ci when the lock has changed since the last time. */
function installPackages() {
  const stamp = join(root, 'node_modules', '.logferry-lock');
  const lock = sha256(readFileSync(join(root, 'package-lock.json')));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('Installing the packages (once; about a minute) …');
  run('npm', [
    'ci',
    '--no-audit',
    '--no-fund',
    '--include=dev',
    '--ignore-scripts',
    '--loglevel=error',
  ]);
  writeFileSync(stamp, lock);
}

/** Builds everything when a source file is another than at the last build. */
function build() {
  const stamp = join(root, 'dist', '.logferry-sources');
  const sources = sha256(
    [
      'apps',
      'libs',
      'tools',
      'tsconfig.json',
      'tsconfig.build.json',
      'nest-cli.json',
      'package-lock.json',
    ]
      .flatMap((path) => filesIn(join(root, path)))
      .map((file) => `${file} ${statSync(file).mtimeMs} ${statSync(file).size}`)
      .join('\n'),
  );
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  say('Building …');
  run(node(), [bin('nest'), 'build']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, sources);
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** A Redis to start: one that is named, one that is installed, or Debian's, installed now if that is allowed. */
function ensureRedis() {
  if (process.env.REDIS_URL || has('redis-server') || has('valkey-server')) return;
  if (process.argv[2] === 'test' && hasContainerEngine()) return; // tests can start theirs in a container
  if (aptInstall('There is no Redis on this machine', ['redis-server'])) return;
  throw new CannotGoOn(
    'There is no Redis on this machine. Install one (Debian, Ubuntu: sudo apt-get install -y redis-server; macOS: brew install redis), ' +
      'or set REDIS_URL to one that runs (docker run -p 6379:6379 redis:7 redis-server --appendonly yes).',
  );
}

/** The smallest C compiler there is, for the library that shows which writes a power cut would take. Without one, those tests are skipped. */
function ensureCompiler() {
  if (process.platform !== 'linux' || ['cc', 'gcc', 'clang', 'tcc'].some(has)) return;
  if (aptInstall('There is no C compiler on this machine', ['tcc', 'libc6-dev'])) return;
  say('There is no C compiler on this machine: the tests that cut the power are skipped.');
}

/** Whether Debian's packages could be installed. */
function aptInstall(why, packages) {
  const isRoot = process.getuid?.() === 0;
  const prefix = isRoot ? [] : ['sudo', '-n'];
  const mayInstall =
    has('apt-get') &&
    (isRoot || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0);
  if (!mayInstall) return false;
  say(`${why}: installing Debian's ${packages.join(' and ')} …`);
  const install = [...prefix, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = ([program, ...args]) =>
    spawnSync(program, args, { stdio: 'ignore', env }).status === 0;
  const attempt = () => apt([...install, ...packages]);
  return attempt() || (apt([...prefix, 'apt-get', 'update', '-qq']) && attempt());
}

function hasContainerEngine() {
  return spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** The Node of the packages, which is the version that everything was tried with; else this one, if it is new enough. */
function node() {
  if (existsSync(bin('node'))) return bin('node');
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 9)) return process.execPath;
  throw new CannotGoOn(
    `Node ${process.versions.node} is too old for this platform, which brings none along: install Node 24.9 or newer.`,
  );
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error !== undefined || status !== 0)
    throw new CannotGoOn(`${program} ${args[0]} failed; what it said stands above.`);
}

function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

/** Runs the command in our place: its exit code is ours, and it hears the signals that we hear. */
function hand(command, args) {
  const nodeOptions = command.nodeOptions ?? ['--enable-source-maps'];
  const child = spawn(node(), [...nodeOptions, join(root, command.script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
  });
  // Ctrl-C reaches the child by itself, being in the same group; a signal that was sent to us alone does not.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // npm that is told to end takes its shell along and leaves us behind; then nobody is there to hear from any more.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 250).unref();
  child.on('exit', (code, signal) => {
    process.exit(code ?? (signal === null ? 1 : 128 + 15));
  });
}

const [name, ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  say(`usage: node tools/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`);
  process.exit(2);
}
try {
  prepare(command, args);
  hand(command, args);
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error;
  say(error.message);
  process.exit(1);
}
