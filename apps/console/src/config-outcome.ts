import { RequestProblem } from '@logferry/runtime';
import type { RecordKind, Written } from '@logferry/store';
import { etag } from './precondition';

/** What a write has come to, and the version that its record has now. */
export interface Stored {
  version: number;
  created: boolean;
}

/** The same, with the record as it is told. */
export interface Put<V extends object> {
  created: boolean;
  view: V & { version: number };
}

/**
 * @param of the kind of record that is written, beside those that are only looked at
 * @throws RequestProblem if another version is there than was expected, or as many as there may be, or the tenant that it is to belong
 * to is not
 */
export function stored(written: Written, of: RecordKind): Stored {
  if (written.kind === 'full') throw tooMany(written.most, `${written.place.kind}s`);
  if (written.kind !== 'conflict') return written;
  const { place, version } = written;
  if (place.kind !== of) throw unknownTenant();
  throw new RequestProblem(
    412,
    'config.version_conflict',
    version === undefined
      ? 'there is no such record; nothing was written'
      : `the record is of version ${version} now; nothing was written`,
    version === undefined ? {} : { etag: etag(version) },
  ).with({ version: version ?? null });
}

export function unknownTenant(): RequestProblem {
  return new RequestProblem(404, 'tenant.unknown', 'there is no tenant of this id');
}

/** What keeps something from being deleted: log events that would have nowhere to go. */
export function waitingProblem(what: string, waiting: number, of: string): RequestProblem {
  return new RequestProblem(
    409,
    'config.log_events_waiting',
    `${waiting} ${of} wait for this ${what}. Ask again when they are delivered; with ?force=true it is deleted now, and what waits ` +
      'is held: it is delivered when there is a destination with the same id again, and becomes dead letters if there is none in time',
  ).with({ waiting });
}

export function tooMany(most: number, what: string): RequestProblem {
  return new RequestProblem(409, 'config.too_many', `a tenant has ${most} ${what} at most`);
}
