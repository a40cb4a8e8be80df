import { ID_DIGITS, ID_MARK } from './plan';

const WORDS =
  'aws_ecs_service.api: Still modifying... [id=arn:aws:ecs:eu-central-1:123456789012:service/prod/api, 10s elapsed] ' +
  'Refreshing state, plan has 1 to add, 4 to change and 0 to destroy; lock is held by runner eu-17 since 10:48:00. ';

/** A message of exactly so many bytes when it is delivered, with room for an id behind the mark. */
export function benchMessage(bytes: number, kind: 'text' | 'json'): unknown {
  const id = `${ID_MARK}${'0'.repeat(ID_DIGITS)}`;
  const filler = (chars: number): string =>
    WORDS.repeat(Math.ceil(chars / WORDS.length)).slice(0, chars);
  if (kind === 'text') return `${id} ${filler(bytes - id.length - 1)}`;
  const object = { seq: id, type: 'deployment', msg: '' };
  return { ...object, msg: filler(bytes - JSON.stringify(object).length) };
}
