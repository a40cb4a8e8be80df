import type { Destination } from './destination';
import type { LogEvent } from './log-event';

/**
 * Whether a destination wants a log event. A filter that is not given lets everything pass; those that are given must all agree.
 * A scope matches itself and everything below it: `project/web` matches `project/web/environment/prod`, not `project/website`.
 */
export function filterOf(destination: Destination): (event: LogEvent) => boolean {
  const { types, levels, scopes } = destination.filter;
  if (types === undefined && levels === undefined && scopes === undefined) return () => true;
  const typeSet = types && new Set(types);
  const levelSet = levels && new Set(levels);
  const scopeList = scopes?.map((scope) => (scope.endsWith('/') ? scope.slice(0, -1) : scope));
  return (event) =>
    (typeSet === undefined || typeSet.has(event.type)) &&
    (levelSet === undefined || (event.level !== undefined && levelSet.has(event.level))) &&
    (scopeList === undefined || scopeList.some((scope) => isWithin(event.scope, scope)));
}

function isWithin(scope: string | undefined, ancestor: string): boolean {
  return scope !== undefined && (scope === ancestor || scope.startsWith(`${ancestor}/`));
}
