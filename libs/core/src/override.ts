// Destinations that take the place of others in a part of the tenant's hierarchy: what variables on a scope are made into. Which ones
// are meant is decided for each preset, type of destination and type of log event by itself.
import type { Destination } from './destination';
import { scopesAbove } from './scope';

type Chosen = readonly Destination[];

/** The destinations that are to be asked about log events of a type and scope, whether they are enabled or not. */
export type Chooser = (type: string, scope: string | undefined) => Chosen;

/** Reads a tenant's destinations once. Nothing if none of them takes the place of another. */
export function overrideChooser(destinations: Chosen): Chooser | undefined {
  const byScope = Map.groupBy(
    destinations.filter(({ override }) => override !== undefined),
    ({ override }) => override?.scope ?? '',
  );
  if (byScope.size === 0) return undefined;
  const own = destinations.filter(({ override }) => override === undefined);
  const scopeCharsMax = Math.max(...[...byScope.keys()].map((scope) => scope.length));
  return (type, scope = '') => {
    const chosen: Destination[] = [];
    const decided = new Set<string>();
    for (const above of scopesAbove(beginning(scope, scopeCharsMax))) {
      const here = (byScope.get(above) ?? []).filter(
        (destination) => covers(destination, type) && !decided.has(placeOf(destination)),
      );
      chosen.push(...here);
      for (const destination of here) decided.add(placeOf(destination));
    }
    return [...own.filter((destination) => !decided.has(placeOf(destination))), ...chosen];
  };
}

/** What of a scope may be one that something is set for: a hostile one has hundreds of parts. */
function beginning(scope: string, charsMax: number): string {
  if (scope.length <= charsMax) return scope;
  const end = scope.lastIndexOf('/', charsMax);
  return end === -1 ? '' : scope.slice(0, end);
}

/** What it takes the place of. A destination without a preset is nobody's stand-in, and stays whatever is set. */
function placeOf({ preset, type }: Destination): string {
  return `${preset}/${type}`;
}

function covers({ filter }: Destination, type: string): boolean {
  return filter.types === undefined || filter.types.includes(type);
}
