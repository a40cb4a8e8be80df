// What doctor looks at. Each finding that is not good says what to do.
import { ConsoleProblem, why, type ConsoleClient } from './console-client';
import type { Finding } from './finding';
import { examineIssuer } from './issuer-examination';
import { placeText, type Place } from './place';
import { examineVersions, versionFinding, type ToldVersion } from './version-examination';

/** A process, and where it is, if that is known. */
export interface Patient {
  name: string;
  url: string | undefined;
  /** What says where it is. */
  flag: string;
  /** Whether an installation may do without it. */
  isOptional?: boolean;
}

/** Who examines. */
export interface Examiner {
  ownVersion: string;
  /** What processes elsewhere want to see before they tell their version. */
  metricsToken: string | undefined;
}

const TIMEOUT_MS = 5_000;
/** The Date header has whole seconds, and an answer takes its time. */
const SKEW_SEEN_MS = 3_000;
/** AWS refuses what was signed longer ago than five minutes; tokens become invalid sooner. */
const SKEW_BAD_MS = 60_000;

export async function* examine(
  console: ConsoleClient,
  patients: readonly Patient[],
  { ownVersion, metricsToken }: Examiner,
): AsyncGenerator<Finding> {
  const message = `version ${ownVersion}, on Node ${process.versions.node}`;
  yield { about: 'this command', state: 'good', message };
  let expected = ownVersion;
  for (const { name, url, flag, isOptional } of patients) {
    if (url === undefined) {
      const unknown = 'not checked, since nothing says where it is';
      yield { about: name, state: 'unknown', message: unknown, remedy: `Say --${flag} URL.` };
      continue;
    }
    const about = `${name} at ${url}`;
    const asked = await askHealth(url, metricsToken);
    if (typeof asked === 'string')
      yield isOptional === true
        ? { about, state: 'unknown', message: asked, remedy: OPTIONAL_AWAY }
        : { about, state: 'wrong', message: asked, remedy: awayRemedy(url) };
    else yield* examineHealth(about, asked, name === 'console' ? undefined : expected);
    if (name === 'console' && (yield* examineKey(console))) {
      expected = yield* examineVersions(console, ownVersion);
      yield* examineDeliveries(console);
    }
    if (name === 'credential-broker') yield* examineIssuer(url);
  }
}

const OPTIONAL_AWAY = 'Start it if log events are to be pulled from Auth0; nothing else needs it.';

function awayRemedy(url: string): string {
  return `Start it, or look into its log; and see whether ${url} is its address.`;
}

/** What a process answers, or why it does not. */
async function askHealth(
  url: string,
  metricsToken: string | undefined,
): Promise<Response | string> {
  try {
    return await fetch(`${url}/health/ready`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(metricsToken === undefined
        ? {}
        : { headers: { authorization: `Bearer ${metricsToken}` } }),
    });
  } catch (error) {
    return `does not answer: ${why(error)}`;
  }
}

/** @param expected the version that it should be of; undefined where that is looked at elsewhere */
async function* examineHealth(
  about: string,
  answer: Response,
  expected: string | undefined,
): AsyncGenerator<Finding> {
  const health = await healthOf(answer);
  if (health === undefined) {
    const message = `answers ${answer.status} at /health/ready, as no process of Logferry does`;
    yield { about, state: 'wrong', message, remedy: 'Give the address of the process itself.' };
    return;
  }
  const version = expected === undefined ? undefined : versionFinding(about, health, expected);
  const told = version?.state === 'good' ? `, ${version.message}` : '';
  if (health.status === 'ready') yield { about, state: 'good', message: `ready${told}` };
  else
    yield {
      about,
      state: 'wrong',
      message: `lives, and waits for ${health.waitingFor.join('; ')}`,
      remedy: health.waitingFor.some((need) => need.includes(': '))
        ? 'Do what it says of Redis; the process goes on by itself.'
        : `See whether ${health.waitingFor.join(', ')} runs, and REDIS_URL of the process; it goes on by itself.`,
    };
  if (version !== undefined && version.state !== 'good') yield version;
  const skew = skewFinding(about, answer.headers.get('date'));
  if (skew !== undefined) yield skew;
}

interface Health extends ToldVersion {
  status: string;
  waitingFor: string[];
}

async function healthOf(answer: Response): Promise<Health | undefined> {
  const body = (await answer.json().catch(() => undefined)) as
    ({ status?: unknown; waitingFor?: unknown } & ToldVersion) | undefined;
  if (body?.status !== 'ready' && body?.status !== 'not_ready') return undefined;
  const { status, waitingFor, version, node } = body;
  return {
    status,
    waitingFor: Array.isArray(waitingFor) ? waitingFor.map(String) : [],
    version,
    node,
  };
}

function skewFinding(about: string, date: string | null): Finding | undefined {
  if (date === null) return undefined;
  const skewMs = Math.abs(Date.parse(date) - Date.now());
  if (!(skewMs > SKEW_SEEN_MS)) return undefined;
  return {
    about,
    state: skewMs > SKEW_BAD_MS ? 'wrong' : 'warning',
    message: `its clock and that of this machine are ${Math.round(skewMs / 1_000)} s apart`,
    remedy:
      'Let NTP set both clocks: AWS refuses what is signed with a wrong time, and log events get wrong ones.',
  };
}

/** @returns whether it may read the configuration */
async function* examineKey(console: ConsoleClient): AsyncGenerator<Finding, boolean> {
  const { protocol, hostname } = new URL(console.url);
  if (protocol === 'http:' && !/^(localhost|127\..*|\[::1\])$/.test(hostname))
    yield {
      about: 'console',
      state: 'warning',
      message: 'the key travels to it without TLS',
      remedy: 'Put something that terminates TLS in front of it, and use https in the URL.',
    };
  try {
    await console.get('/v1/tenants', { query: { limit: '1' } });
    yield { about: 'key', state: 'good', message: 'may read the configuration' };
    return true;
  } catch (error) {
    if (!(error instanceof ConsoleProblem)) throw error;
    const remedy =
      error.status === 401
        ? 'Make one with the password: npx logferry keys create NAME --scope read'
        : 'Use a key with the scope read or admin.';
    yield { about: 'key', state: 'wrong', message: `${error.message} (${error.code})`, remedy };
    return false;
  }
}

async function* examineDeliveries(console: ConsoleClient): AsyncGenerator<Finding> {
  try {
    const { heldDestinations } = await console.get<{ heldDestinations: Held[] }>(
      '/v1/held-destinations',
    );
    for (const held of heldDestinations) {
      const { since, reason = 'it does not answer', message } = held;
      yield {
        about: placeText(held),
        state: 'warning',
        message: `held since ${since}: ${reason}: ${message}`,
        remedy: remedyOf(held),
      };
    }
    const dead = await console.get<{ deadLetters: number; logEvents: number }>(
      '/v1/dead-letters/count',
    );
    if (dead.deadLetters > 0)
      yield {
        about: 'dead letters',
        state: 'warning',
        message: `${dead.deadLetters}, of ${dead.logEvents} log events`,
        remedy: `Look at ${console.url}/dead-letters; when the reason is gone: npx logferry redrive`,
      };
  } catch (error) {
    if (!(error instanceof ConsoleProblem)) throw error;
    // A tenant's key is not shown what concerns all.
    const message = `not shown to this key (${error.code})`;
    const remedy = 'Use a key of the platform, or the password of the console.';
    yield { about: 'held destinations, dead letters', state: 'unknown', message, remedy };
  }
}

interface Held extends Place {
  since: string;
  reason?: string;
  message: string;
  fault: string;
}

/** It goes on by itself, whoever has to move; what differs is who that is. */
function remedyOf({ tenant, destination, fault }: Held): string {
  switch (fault) {
    case 'tenant':
      return `npx logferry test ${tenant} ${destination} says what to change in the account; it goes on by itself then.`;
    case 'aws':
      return 'Wait: it is tried again by itself, and goes on when AWS answers.';
    default:
      return 'See what the logs of the worker and of the broker say; docs/reference/errors.md has the code.';
  }
}
