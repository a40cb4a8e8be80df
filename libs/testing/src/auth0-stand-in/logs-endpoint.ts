// GET /api/v2/logs and GET /api/v2/logs/{id}.
import { ApiError } from './api-error';
import type { ApiOperation, Auth0Tenant } from './auth0-tenant';
import type { Answer } from '../sandbox-aws/answer';

const TAKE_STANDARD = 50;
const TAKE_MAX = 100;
/** By search no more than so many can be had, however they are paged. */
const SEARCH_MAX = 1_000;
const QUERY_CHARS_MAX = 4_096;

export function operationOf(url: URL): ApiOperation {
  if (url.pathname === '/api/v2/logs') return url.searchParams.has('from') ? 'page' : 'search';
  return /^\/api\/v2\/logs\/[^/]+$/u.test(url.pathname) ? 'log' : 'unknown';
}

/** With how many log events it gives. */
export type LogsAnswer = Answer & { readonly logs: number };

export function answerLogs(tenant: Auth0Tenant, url: URL): LogsAnswer {
  const operation = operationOf(url);
  if (operation === 'page') return page(tenant, url.searchParams);
  if (operation === 'search') return search(tenant, url.searchParams);
  if (operation === 'log') return one(tenant, url.pathname.slice('/api/v2/logs/'.length));
  throw new ApiError(404, 'Not Found', 'not_found');
}

/** With `from`, every other parameter but `take` is ignored. */
function page(tenant: Auth0Tenant, query: URLSearchParams): LogsAnswer {
  const from = query.get('from') ?? '';
  if (!/^\d{1,128}$/u.test(from)) throw invalid(`String '${from}' is not a log id`, 'from');
  const take = whole(query, 'take', { standard: TAKE_STANDARD, min: 1, max: TAKE_MAX });
  const logs = tenant.log.after(from, take);
  const last = logs.at(-1);
  const next = last === undefined ? from : (JSON.parse(last) as { log_id: string }).log_id;
  const link = `<https://${tenant.domain}/api/v2/logs?from=${next}&take=${take}>; rel="next"`;
  return list(logs, { link });
}

function search(tenant: Auth0Tenant, query: URLSearchParams): LogsAnswer {
  const text = query.get('q') ?? query.get('search') ?? '';
  if (text.length > QUERY_CHARS_MAX) throw new ApiError(414, 'Request-URI Too Large', 'too_long');
  const page = whole(query, 'page', { standard: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
  const perPage = whole(query, 'per_page', { standard: TAKE_STANDARD, min: 0, max: TAKE_MAX });
  if (page * perPage >= SEARCH_MAX) {
    throw new ApiError(
      400,
      `You can only page through the first ${SEARCH_MAX} records.`,
      'invalid_paging',
    );
  }
  const sort = query.get('sort') ?? 'date:-1';
  const [, direction] = /^date:(-?1)$/u.exec(sort) ?? [];
  if (direction === undefined) throw invalid(`String '${sort}' is not a sort by date`, 'sort');
  const found = tenant.log.search(text, direction === '-1');
  const start = page * perPage;
  const logs = found
    .slice(start, Math.min(start + perPage, SEARCH_MAX))
    .map((log) => withFields(log, query));
  if (query.get('include_totals') !== 'true') return list(logs, {});
  const { length } = logs;
  const totals = JSON.stringify({ start, limit: perPage, length, total: found.length });
  return withBody(`${totals.slice(0, -1)},"logs":[${logs.join(',')}]}`, length);
}

function withFields(log: string, query: URLSearchParams): string {
  const fields = query.get('fields')?.split(',');
  if (fields === undefined) return log;
  const isIncluding = query.get('include_fields') !== 'false';
  const entries = Object.entries(JSON.parse(log) as object);
  return JSON.stringify(
    Object.fromEntries(entries.filter(([name]) => fields.includes(name) === isIncluding)),
  );
}

function one(tenant: Auth0Tenant, id: string): LogsAnswer {
  const log = tenant.log.one(decodeURIComponent(id));
  if (log === undefined) throw new ApiError(404, 'The log does not exist.', 'inexistent_log');
  return withBody(log, 1);
}

const list = (logs: readonly string[], headers: Record<string, string>): LogsAnswer =>
  withBody(`[${logs.join(',')}]`, logs.length, headers);

const withBody = (
  body: string,
  logs: number,
  headers: Record<string, string> = {},
): LogsAnswer => ({
  httpStatus: 200,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body,
  logs,
});

function whole(
  query: URLSearchParams,
  name: string,
  { standard, min, max }: { standard: number; min: number; max: number },
): number {
  const text = query.get(name);
  if (text === null) return standard;
  if (!/^\d{1,9}$/u.test(text))
    throw invalid(`Expected type integer but found string '${text}'`, name);
  const value = Number(text);
  if (value > max) throw invalid(`Value ${value} is greater than maximum ${max}`, name);
  if (value < min) throw invalid(`Value ${value} is less than minimum ${min}`, name);
  return value;
}

function invalid(problem: string, property: string): ApiError {
  return new ApiError(
    400,
    `Query validation error: '${problem}' on property ${property}.`,
    'invalid_query_string',
  );
}
