import type { Chance } from './chance';
import type { Form } from './form';
import type { Load } from './load';
import type { Allowance } from './oracle';
import type { SentLogEvents } from './sent-log-events';
import type { World, WorldRedis } from './world';

/** What a scenario has in its hands. */
export interface Scene<R extends WorldRedis = WorldRedis> {
  world: World<R>;
  load: Load;
  sent: SentLogEvents;
  chance: Chance;
  form: Form;
  /** Of what must hold here besides what always must: said if it does not. */
  check: (holds: boolean, otherwise: string) => void;
  /** For the line that is printed in the end. */
  remark: (text: string) => void;
  allow: (allowance: Allowance) => void;
}

/** One way in which things go wrong. It breaks, and mends what is not mended by itself; the oracle judges when all has settled. */
export interface Scenario<R extends WorldRedis = WorldRedis> {
  name: string;
  /** What must hold, as the name of a test. */
  promise: string;
  run(scene: Scene<R>): Promise<void>;
}
