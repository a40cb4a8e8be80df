// As much of Lucene's query syntax as somebody needs to look into a log: `type:fp`, `type:(fp OR fu)`, `date:[2026-01-01 TO *]`,
// `user_name:"a b"`, a `*` at the end, joined by AND and OR (AND binds closer).
import { ApiError } from './api-error';
import type { Auth0Log } from './tenant-logs';

type Matcher = (log: Auth0Log) => boolean;

export function matcher(query: string): Matcher {
  if (query.trim() === '') return () => true;
  const alternatives = split(query, / OR (?![^(]*\))/u).map((part) => {
    const terms = split(part, / AND (?![^(]*\))/u).map(term);
    return (log: Auth0Log) => terms.every((matches) => matches(log));
  });
  return (log) => alternatives.some((matches) => matches(log));
}

function split(text: string, by: RegExp): string[] {
  return text.split(by).map((part) => part.trim());
}

function term(text: string): Matcher {
  const [, field, wanted] = /^([\w.]+):(.+)$/u.exec(text) ?? [];
  if (field === undefined || wanted === undefined) throw unreadable(text);
  const value = (log: Auth0Log): string => {
    const found = field
      .split('.')
      .reduce<unknown>((at, name) => (Object(at) as Record<string, unknown>)[name], log);
    return typeof found === 'string' ? found : found === undefined ? '' : JSON.stringify(found);
  };
  const [, from, to] = /^\[(\S+) TO (\S+)\]$/u.exec(wanted) ?? [];
  if (from !== undefined && to !== undefined) {
    return (log) => (from === '*' || value(log) >= from) && (to === '*' || value(log) <= to);
  }
  const [, list] = /^\((.+)\)$/u.exec(wanted) ?? [];
  const tests = (list === undefined ? [wanted] : split(list, / OR /u)).map(plainTerm);
  return (log) => tests.some((isWanted) => isWanted(value(log)));
}

function plainTerm(wanted: string): (value: string) => boolean {
  const [, quoted] = /^"([^"]*)"$/u.exec(wanted) ?? [];
  if (quoted !== undefined) return (value) => value === quoted;
  if (!/^[^\s"()[\]{}]+$/u.test(wanted)) throw unreadable(wanted);
  const start = wanted.slice(0, -1);
  return wanted.endsWith('*') ? (value) => value.startsWith(start) : (value) => value === wanted;
}

function unreadable(text: string): ApiError {
  return new ApiError(
    400,
    `Query validation error: 'String '${text}' is not a query' on property q.`,
    'invalid_query_string',
  );
}
