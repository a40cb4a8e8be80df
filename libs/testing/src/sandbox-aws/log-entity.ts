// The optional entity of PutLogEvents. A bad one never fails the call: the events are stored and the answer says what was wrong.
import { LOGS } from './limits';

const KEY_NAMES = ['Type', 'ResourceType', 'Identifier', 'Name', 'Environment'];
const TYPES = ['Service', 'RemoteService', 'AWS::Service', 'Resource', 'AWS::Resource', 'Canary'];

export type EntityProblem =
  | 'InvalidEntity'
  | 'InvalidTypeValue'
  | 'InvalidKeyAttributes'
  | 'InvalidAttributes'
  | 'EntitySizeTooLarge'
  | 'MissingRequiredFields';

export function findEntityProblem(entity: unknown): EntityProblem | undefined {
  if (entity === undefined || entity === null) return undefined;
  const { keyAttributes, attributes } = entity as Record<string, unknown>;
  if (keyAttributes === undefined || keyAttributes === null) return 'MissingRequiredFields';
  const keys = readTexts(keyAttributes);
  const extras = attributes === undefined || attributes === null ? [] : readTexts(attributes);
  if (keys === undefined || extras === undefined) return 'InvalidEntity';
  return findKeyProblem(keys) ?? findAttributeProblem(extras);
}

function readTexts(value: unknown): readonly [string, string][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? entries
    : undefined;
}

function findKeyProblem(keys: readonly [string, string][]): EntityProblem | undefined {
  const type = keys.find(([name]) => name === 'Type')?.[1];
  if (type === undefined || keys.length < LOGS.entityKeyAttributesMin) {
    return 'MissingRequiredFields';
  }
  if (!TYPES.includes(type)) return 'InvalidTypeValue';
  if (keys.length > LOGS.entityKeyAttributesMax) return 'InvalidKeyAttributes';
  if (keys.some(([name, value]) => !KEY_NAMES.includes(name) || value === '')) {
    return 'InvalidKeyAttributes';
  }
  return keys.some(([, value]) => value.length > LOGS.entityValueLengthMax)
    ? 'EntitySizeTooLarge'
    : undefined;
}

function findAttributeProblem(attributes: readonly [string, string][]): EntityProblem | undefined {
  if (attributes.length > LOGS.entityAttributesMax) return 'InvalidAttributes';
  if (attributes.some(([name, value]) => name === '' || value === '')) return 'InvalidAttributes';
  const isTooLong = attributes.some(
    ([name, value]) =>
      name.length > LOGS.entityAttributeNameLengthMax || value.length > LOGS.entityValueLengthMax,
  );
  return isTooLong ? 'EntitySizeTooLarge' : undefined;
}
