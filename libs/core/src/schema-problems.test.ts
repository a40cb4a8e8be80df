import { z } from 'zod';
import { jsonPath, schemaProblems } from './schema-problems';

const Schema = z.strictObject({
  seconds: z.int().min(900).max(43_200),
  share: z.number().gt(0).lt(1),
  name: z.string().min(2).max(5),
  tags: z.array(z.string()).min(1).max(2),
  kind: z.enum(['none', 'gzip']),
  port: z.int().min(1, 'must be a port'),
});
const good = { seconds: 900, share: 0.5, name: 'abc', tags: ['a'], kind: 'gzip', port: 80 };

const messagesOf = (over: object): string[] => {
  const { error } = Schema.safeParse({ ...good, ...over }, { reportInput: true });
  return (error === undefined ? [] : schemaProblems(error)).map(
    ({ path, message }) => `${jsonPath(path)} ${message}`,
  );
};

test.each<[object, string[]]>([
  [{}, []],
  [{ seconds: 60 }, ['$.seconds must be 900 or more']],
  [{ seconds: 50_000 }, ['$.seconds must be 43200 or less']],
  [{ seconds: 900.5 }, ['$.seconds must be a whole number']],
  [{ seconds: undefined }, ['$.seconds is missing']],
  [{ share: 0 }, ['$.share must be more than 0']],
  [{ share: 1 }, ['$.share must be less than 1']],
  [{ name: 'a' }, ['$.name must have 2 characters or more']],
  [{ name: 'abcdef' }, ['$.name must have 5 characters or less']],
  [{ tags: [] }, ['$.tags must have 1 member or more']],
  [{ tags: ['a', 'b', 'c'] }, ['$.tags must have 2 members or less']],
  [{ kind: 'zip' }, ['$.kind must be one of none, gzip']],
  [{ kind: undefined }, ['$.kind is missing: one of none, gzip']],
  [{ port: 0 }, ['$.port must be a port']],
  [{ more: 1 }, ['$.more is not a field that there is']],
])('%j is told as %j', (over, messages) => {
  expect(messagesOf(over)).toEqual(messages);
});
