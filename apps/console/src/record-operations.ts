// What the console's API offers for whatever is a record with a version: a page of them, one, and how it is made, replaced and deleted.
import type { z } from 'zod';
import type { ApiOperation } from './api-operations';
import { pageQuery } from './page-request';

interface RecordKind {
  tag: string;
  /** Where all of them are, and where one is. */
  paths: { all: string; one: string };
  /** The name of the schema of its body; a view of it and a page of views have names that are made of it. */
  schema: string;
  example: object;
  summaries: { all: string; one: string; delete: string };
  /** What making one is answered with, if that is more than a view. */
  put?: string;
  queries?: { put?: z.ZodType; delete?: z.ZodType };
}

/** In words it is what its schema is called. */
export function recordOperations(kind: RecordKind): ApiOperation[] {
  const { tag, paths, schema, example, summaries, put = `${schema}View`, queries = {} } = kind;
  const of = { tag, path: paths.one };
  return [
    {
      tag,
      path: paths.all,
      method: 'get',
      summary: summaries.all,
      query: pageQuery,
      answer: [200, `${schema}s`],
    },
    { ...of, method: 'get', summary: summaries.one, answer: [200, `${schema}View`] },
    {
      ...of,
      method: 'put',
      summary: `Makes or replaces a ${schema.toLowerCase()}`,
      ...(queries.put === undefined ? {} : { query: queries.put }),
      body: { schema, example },
      answer: [201, put],
      versioned: true,
    },
    {
      ...of,
      method: 'delete',
      summary: summaries.delete,
      ...(queries.delete === undefined ? {} : { query: queries.delete }),
      answer: [200, 'Deleted'],
      versioned: true,
    },
  ];
}
