import type { Destination, ShownCredentials } from '@logferry/core';
import type { StoredText } from '@logferry/store';
import { destinationView } from './config-views';

type WithoutSecrets<D> = D extends Destination
  ? Omit<D, 'credentials'> & { credentials: ShownCredentials; version: number }
  : never;

/** A destination as pages show it: all that is stored of it but its secret. */
export type ShownDestination = WithoutSecrets<Destination>;

/** Nothing, if what is stored cannot be read. */
export function shownDestination(id: string, stored: StoredText): ShownDestination | undefined {
  const view = destinationView(id, stored);
  return 'unreadable' in view ? undefined : (view as ShownDestination);
}
