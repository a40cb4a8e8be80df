import { runAuth0 } from './auth0-scenario';
import { runDead } from './dead-scenario';
import { runFlood, CAPACITY } from './flood-scenario';
import { runLinger } from './linger-scenario';
import type { ScenarioOptions, ScenarioResult } from './scenario';

type Scenario = (options: ScenarioOptions) => Promise<ScenarioResult>;

const flood: Scenario[] = [
  (options) => runFlood(options, 10 * CAPACITY),
  (options) => runFlood(options, 0),
];
const dead: Scenario[] = [100, 4].map(
  (tenants) => (options: ScenarioOptions) =>
    // Calls hang for half a minute each, and a destination is held after three of them.
    runDead({ ...options, seconds: options.seconds * 5 }, tenants),
);
const linger: Scenario[] = [runLinger];

/** By the names that the command knows them by. */
export const scenarioSets = {
  flood,
  dead,
  linger,
  fairness: [...flood, ...dead, ...linger],
  auth0: [runAuth0],
} satisfies Record<string, Scenario[]>;

export type ScenarioSet = keyof typeof scenarioSets;
