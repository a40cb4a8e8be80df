// Whether what runs together is meant to run together.
import { ConsoleProblem, type ConsoleClient } from './console-client';
import type { Finding } from './finding';

/** ZRANDMEMBER and LPOP with a count, which our scripts and BullMQ's use, are of this version. */
const REDIS_MIN = '6.2';

interface Installation {
  version: string;
  node: string;
  redis: string[];
}

/** @returns what the processes are compared with: the console's version, or our own where it is not told */
export async function* examineVersions(
  console: ConsoleClient,
  ownVersion: string,
): AsyncGenerator<Finding, string> {
  let installation: Installation;
  try {
    installation = await console.get<Installation>('/v1/installation');
  } catch (error) {
    if (!(error instanceof ConsoleProblem)) throw error;
    yield {
      about: 'versions',
      state: 'unknown',
      message: `those of the console and of Redis are not told: ${error.message} (${error.code})`,
      remedy:
        error.code === 'request.not_found'
          ? 'Use a key of the platform, or the password of the console.'
          : "See the console's log.",
    };
    return ownVersion;
  }
  const { version, node, redis } = installation;
  yield consoleFinding(ownVersion, { version, node });
  yield* redis.map(redisFinding);
  return version;
}

function consoleFinding(
  ownVersion: string,
  { version, node }: Pick<Installation, 'version' | 'node'>,
): Finding {
  const about = 'console';
  const message = `version ${version}, on Node ${node}`;
  if (version === ownVersion) return { about, state: 'good', message };
  return {
    about,
    state: 'warning',
    message: `${message}; this command is of ${ownVersion}`,
    remedy: `Use the command of the console's version: check out ${version}, or run it in the console's container.`,
  };
}

/** What a process says of itself, if it says it. */
export interface ToldVersion {
  version?: unknown;
  node?: unknown;
}

export function versionFinding(
  about: string,
  { version, node }: ToldVersion,
  expected: string,
): Finding {
  if (typeof version !== 'string')
    return {
      about,
      state: 'unknown',
      message: 'its version is told to its own machine only',
      remedy: 'Set LOGFERRY_METRICS_TOKEN here to the same as there, and it is told.',
    };
  const message = `version ${version}, on Node ${String(node)}`;
  if (version === expected) return { about, state: 'good', message };
  return {
    about,
    state: 'warning',
    message: `${message}; the console is of ${expected}`,
    remedy: `Let all processes be of one version, ${expected} or ${version}: update those that are of the other.`,
  };
}

function redisFinding(version: string): Finding {
  if (!isBelow(version, REDIS_MIN))
    return { about: 'Redis', state: 'good', message: `version ${version}` };
  return {
    about: 'Redis',
    state: 'wrong',
    message: `version ${version}, and the scripts need ${REDIS_MIN}`,
    remedy: `Update it to ${REDIS_MIN} or newer: docker-compose.yml has one that everything was tried with.`,
  };
}

function isBelow(version: string, least: string): boolean {
  const [[major = 0, minor = 0] = [], [leastMajor = 0, leastMinor = 0] = []] = [version, least].map(
    (text) => text.split('.').map(Number),
  );
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
