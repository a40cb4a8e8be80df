import { z } from 'zod';
import { LOG_EVENT } from './limits';

/** A path in a tenant's hierarchy, such as `project/web/environment/prod`; the empty one is the tenant itself. */
export const Scope = z
  .string()
  .max(LOG_EVENT.scopeCharsMax)
  .regex(
    /^([^/\u0000-\u001f\u007f]+(\/[^/\u0000-\u001f\u007f]+)*)?$/,
    'must be names with slashes between, such as project/web/environment/prod',
  );

/** The tenant itself, of which every scope is a part. */
export const TENANT_SCOPE = '';

/** A scope and all that it is a part of, the nearest first, the tenant last. */
export function* scopesAbove(scope: string): Generator<string> {
  for (let end = scope.length; end > 0; end = scope.lastIndexOf('/', end - 1))
    yield scope.slice(0, end);
  yield TENANT_SCOPE;
}
