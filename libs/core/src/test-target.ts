import { presets } from './preset';
import type { Destination } from './destination';
import { laneFinder, logGroupText, type Target } from './lane';

/** What stands in names for what a log event would say, so that whoever sees it knows what it is. */
export const TEST_MARK = 'logferry-test';

const ATTRIBUTE = /\{attributes\.([^{}]*)\}/g;
const OWN_NAME = /\{(chars|batch)\}(?=[^/]*$)/;

/**
 * Where a destination's test is written to: where log events of the destination go, and so what its policies are tried on. Names say
 * the mark where a log event would say something; those that say nothing of log events are the real ones.
 */
export function testTarget(tenantId: string, destination: Destination, timeMs: number): Target {
  const preset = destination.preset === undefined ? undefined : presets[destination.preset];
  const type = destination.filter.types?.[0] ?? preset?.types[0] ?? 'test';
  const attributes = Object.fromEntries(
    attributesIn(destination, type).map((name) => [name, TEST_MARK]),
  );
  const { target } = laneFinder(
    tenantId,
    destination,
  )({
    type,
    timeMs,
    message: TEST_MARK,
    isJson: false,
    json: JSON.stringify(TEST_MARK),
    id: undefined,
    level: TEST_MARK,
    scope: TEST_MARK,
    attributes,
  });
  if (target.sink === 'cloudwatch') return target;
  // Behind what policies name: they end where the first of the two stands.
  return { ...target, key: target.key.replace(OWN_NAME, `$&-${TEST_MARK}`) };
}

function attributesIn(destination: Destination, type: string): string[] {
  if (destination.type !== 'cloudwatch') return [];
  const { preset, cloudwatch } = destination;
  const stream = cloudwatch.logStream ?? (preset && presets[preset].logStream?.(type)) ?? '';
  const text = `${logGroupText(destination, type).text}${stream}`;
  return [...text.matchAll(ATTRIBUTE)].map(([, name = '']) => name);
}
