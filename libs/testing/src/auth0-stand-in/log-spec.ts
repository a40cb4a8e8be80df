import type { Scene } from './log-scene';

/** What a log event of one type has beside what all have. */
export interface LogSpec {
  /** Its fields, each letter a group of them: see `FACETS` of `generated-log.ts`. */
  readonly facets: string;
  readonly description: string;
  readonly details?: ((scene: Scene) => object) | undefined;
  /** Fields that no other type has. */
  readonly more?: ((scene: Scene) => object) | undefined;
}

export type LogSpecs = Readonly<Record<string, LogSpec>>;

export function spec(
  facets: string,
  description: string,
  details?: (scene: Scene) => object,
  more?: (scene: Scene) => object,
): LogSpec {
  return { facets, description, details, more };
}
