// The control API under /_sandbox/: JSON in, JSON out. Each route is one method of SandboxControl.
import { z } from 'zod';
import type { Answer } from './answer';
import type { StoredObject } from './bucket-store';
import { FaultSpec } from './fault-spec';
import { SANDBOX } from './limits';
import { answerPage } from './page';
import { objectDownload } from './object-view';
import type { LogStreamRef, SandboxControl } from './sandbox-control';
import { InvalidSeed } from './seed';

export interface ControlRequest {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly control: SandboxControl;
}

class BadControlRequest extends Error {}

type Route = (request: ControlRequest) => unknown;

const ROUTES: Readonly<Record<string, Route>> = {
  'GET health': () => ({ status: 'ok' }),
  'POST seed': (request) => {
    request.control.seed(readJson(request) as Parameters<SandboxControl['seed']>[0]);
    return {};
  },
  'POST reset': ({ control }) => {
    control.reset();
    return {};
  },
  'GET identities': ({ control }) => control.identities(),
  'DELETE roles': ({ control, url }) => ({ removed: control.removeRole(parameter(url, 'arn')) }),
  'DELETE sessions': ({ control }) => ({ forgotten: control.forgetSessions() }),
  'GET faults': ({ control }) => ({ faults: control.faults() }),
  'POST faults': (request) => ({ id: request.control.addFault(readFault(request)) }),
  'DELETE faults': ({ control, url }) => {
    const id = url.searchParams.get('id');
    if (id !== null) return { removed: control.removeFault(id) };
    control.clearFaults();
    return {};
  },
  'GET log-groups': ({ control }) => ({ logGroups: control.logGroups() }),
  'DELETE log-groups': ({ control, url }) => ({
    removed: control.deleteLogGroup({
      account: parameter(url, 'account'),
      region: parameter(url, 'region'),
      group: parameter(url, 'group'),
    }),
  }),
  'DELETE log-streams': ({ control, url }) => ({
    removed: control.deleteLogStream(readStreamRef(url)),
  }),
  'GET log-events': readLogEvents,
  'GET duplicates': ({ control }) => ({ duplicateLogEvents: control.duplicateLogEvents() }),
  'GET buckets': ({ control }) => ({ buckets: control.buckets() }),
  'DELETE buckets': ({ control, url }) => ({
    removed: control.removeBucket(parameter(url, 'name')),
  }),
  'GET objects': ({ control, url }) => ({
    objects: control
      .objects(parameter(url, 'bucket'), url.searchParams.get('prefix') ?? '')
      .map(describeObject),
  }),
  'GET uploads': ({ control, url }) => ({ uploads: control.uploads(parameter(url, 'bucket')) }),
  'GET counters': ({ control }) => ({ ...control.counters(), memory: control.memory() }),
  'DELETE counters': ({ control }) => {
    control.resetCounters();
    return {};
  },
  'PUT clock': (request) => {
    const { offsetMs } = parseWith(z.strictObject({ offsetMs: z.number().int() }), request);
    request.control.setClockOffset(offsetMs);
    return { nowMs: request.control.nowMs() };
  },
};

export async function answerControl(request: ControlRequest): Promise<Answer> {
  const { method, url, control } = request;
  const name = url.pathname.slice('/_sandbox/'.length);
  if (method === 'GET' && name.startsWith('page/')) return answerPage(url, control);
  if (method === 'GET' && name === 'object') {
    return objectDownload(control.object(parameter(url, 'bucket'), parameter(url, 'key')));
  }
  const route = ROUTES[`${method} ${name}`];
  if (route === undefined) return json(404, { error: `There is no ${method} ${url.pathname}.` });
  try {
    return json(200, await route(request));
  } catch (error) {
    const isOurs =
      error instanceof BadControlRequest ||
      error instanceof InvalidSeed ||
      error instanceof RangeError;
    if (!isOurs) throw error;
    return json(400, { error: error.message });
  }
}

function json(httpStatus: number, body: unknown): Answer {
  return {
    httpStatus,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}

function readJson({ body }: ControlRequest): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BadControlRequest('The body is not JSON.');
  }
}

function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  request: ControlRequest,
): z.output<Schema> {
  const parsed = schema.safeParse(readJson(request));
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`,
  );
  throw new BadControlRequest(lines.join('\n'));
}

function readFault(request: ControlRequest): FaultSpec {
  return parseWith(FaultSpec, request);
}

function parameter(url: URL, name: string): string {
  const value = url.searchParams.get(name);
  if (value === null) throw new BadControlRequest(`The query needs ${name}.`);
  return value;
}

function numberParameter(url: URL, name: string, usual: number, highest: number): number {
  const text = url.searchParams.get(name) ?? String(usual);
  if (!/^\d{1,12}$/u.test(text)) throw new BadControlRequest(`${name} is not a number.`);
  return Math.min(Number(text), highest);
}

function readStreamRef(url: URL): LogStreamRef {
  return {
    account: parameter(url, 'account'),
    region: parameter(url, 'region'),
    group: parameter(url, 'group'),
    stream: parameter(url, 'stream'),
  };
}

/** With atLeast and waitMs the answer waits until so many events are there, or the time is up: polling without a poll. */
async function readLogEvents({ control, url }: ControlRequest): Promise<unknown> {
  const ref = readStreamRef(url);
  const atLeast = numberParameter(url, 'atLeast', 0, Number.MAX_SAFE_INTEGER);
  const waitMs = numberParameter(url, 'waitMs', 0, SANDBOX.waitMsMax);
  const start = numberParameter(url, 'start', 0, Number.MAX_SAFE_INTEGER);
  const count = numberParameter(url, 'count', 10_000, 100_000);
  if (waitMs > 0) {
    const isThere = (): boolean => (control.logStream(ref)?.acceptedEvents ?? 0) >= atLeast;
    await control.waitFor(isThere, waitMs).catch(() => undefined);
  }
  const events = control.logEvents(ref);
  return {
    stream: control.logStream(ref),
    keptEvents: events.length,
    duplicateEvents: control.duplicateLogEvents(ref),
    events: events.slice(start, start + count),
  };
}

function describeObject({ content, ...object }: StoredObject): object {
  return { ...object, isContentKept: content !== undefined };
}
