// What doctor looks at. Each finding that is not good says what to do.
import { ConsoleProblem, why, type ConsoleClient } from './console-client';
import { examineIssuer } from './issuer-examination';

export interface Finding {
  about: string;
  state: 'good' | 'warning' | 'wrong' | 'unknown';
  message: string;
  remedy?: string;
}

/** A process, and where it is, if that is known. */
export interface Patient {
  name: string;
  url: string | undefined;
}

const TIMEOUT_MS = 5_000;
/** The Date header has whole seconds, and an answer takes its time. */
const SKEW_SEEN_MS = 3_000;
/** AWS refuses what was signed longer ago than five minutes; tokens become invalid sooner. */
const SKEW_BAD_MS = 60_000;

export async function* examine(
  console: ConsoleClient,
  patients: readonly Patient[],
): AsyncGenerator<Finding> {
  for (const { name, url } of patients) {
    if (url === undefined) {
      const flag = name.endsWith('worker') ? 'worker' : name === 'ingest' ? 'ingest' : 'broker';
      const message = 'not checked, since nothing says where it is';
      yield { about: name, state: 'unknown', message, remedy: `Say --${flag} URL.` };
      continue;
    }
    yield* examineProcess(name, url);
    if (name === 'console') yield* examineKey(console);
    if (name === 'credential-broker') yield* examineIssuer(url);
  }
}

async function* examineProcess(name: string, url: string): AsyncGenerator<Finding> {
  const about = `${name} at ${url}`;
  let answer: Response;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    answer = await fetch(`${url}/health/ready`, { redirect: 'manual', signal });
  } catch (error) {
    const remedy = `Start it, or look into its log; and see whether ${url} is its address.`;
    yield { about, state: 'wrong', message: `does not answer: ${why(error)}`, remedy };
    return;
  }
  const health = await healthOf(answer);
  if (health === undefined) {
    const message = `answers ${answer.status} at /health/ready, as no process of Logferry does`;
    yield { about, state: 'wrong', message, remedy: 'Give the address of the process itself.' };
    return;
  }
  if (health.status === 'ready') yield { about, state: 'good', message: 'ready' };
  else
    yield {
      about,
      state: 'wrong',
      message: `lives, and waits for ${health.waitingFor.join('; ')}`,
      remedy: health.waitingFor.some((need) => need.includes(': '))
        ? 'Do what it says of Redis; the process goes on by itself.'
        : `See whether ${health.waitingFor.join(', ')} runs, and REDIS_URL of the process; it goes on by itself.`,
    };
  const skew = skewFinding(about, answer.headers.get('date'));
  if (skew !== undefined) yield skew;
}

async function healthOf(
  answer: Response,
): Promise<{ status: string; waitingFor: string[] } | undefined> {
  const body = (await answer.json().catch(() => undefined)) as
    { status?: unknown; waitingFor?: unknown } | undefined;
  if (body?.status !== 'ready' && body?.status !== 'not_ready') return undefined;
  const { waitingFor } = body;
  return {
    status: body.status,
    waitingFor: Array.isArray(waitingFor) ? waitingFor.map(String) : [],
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

async function* examineKey(console: ConsoleClient): AsyncGenerator<Finding> {
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
  } catch (error) {
    if (!(error instanceof ConsoleProblem)) throw error;
    const remedy =
      error.status === 401
        ? 'Make one with the password: npx logferry keys create NAME --scope read'
        : 'Use a key with the scope read or admin.';
    yield { about: 'key', state: 'wrong', message: `${error.message} (${error.code})`, remedy };
    return;
  }
  yield* examineDeliveries(console);
}

async function* examineDeliveries(console: ConsoleClient): AsyncGenerator<Finding> {
  try {
    const held = await console.get<{
      heldDestinations: { tenant: string; destination: string; reason?: string }[];
    }>('/v1/held-destinations');
    for (const { tenant, destination, reason } of held.heldDestinations)
      yield {
        about: `${tenant}/${destination}`,
        state: 'warning',
        message: `held: ${reason ?? 'it does not work'}`,
        remedy: 'docs/reference/errors.md says whose move it is; it goes on by itself then.',
      };
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
    yield { about: 'held destinations, dead letters', state: 'unknown', message };
  }
}
