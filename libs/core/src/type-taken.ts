// Whether there is anybody who could have what a source pulls.
import type { Destination } from './destination';
import { filterOf } from './filter';
import { overrideChooser } from './override';

/**
 * Whether a destination that is switched on may want log events of a type and scope. What it asks of levels, attributes or a share is left
 * out of account: that is of each log event.
 */
export function isTypeTaken(
  destinations: readonly Destination[],
  { type, scope }: { type: string; scope: string },
): boolean {
  const at = scope === '' ? undefined : scope;
  const chosen = overrideChooser(destinations)?.(type, at) ?? destinations;
  const event = { type, scope: at, timeMs: 0, message: '', isJson: false, json: '""' };
  return chosen.some(({ enabled, filter: { types, scopes } }) => {
    const wants = filterOf({ filter: { types, scopes } });
    return enabled && wants({ ...event, id: undefined, level: undefined, attributes: undefined });
  });
}
