// What the console's API offers for sources, address by address.
import { aCheckpoint, aReplay, aSource } from './api-examples';
import type { ApiOperation } from './api-operations';
import { recordOperations } from './record-operations';
import { reportQuery } from './source-report';
import { runLogQuery, runsQuery } from './source-runs.controller';

const SOURCES = '/v1/tenants/{tenantId}/sources';
const SOURCE = `${SOURCES}/{sourceId}`;
const RUN = `${SOURCE}/runs/{runId}`;

export const sourceOperations: readonly ApiOperation[] = [
  ...recordOperations({
    tag: 'Sources',
    paths: { all: SOURCES, one: SOURCE },
    schema: 'Source',
    example: aSource,
    summaries: {
      all: "A page of a tenant's sources",
      one: "One source, without its client's secret",
      delete: 'Deletes a source with its checkpoint and its runs',
    },
  }),
  {
    method: 'post',
    path: `${SOURCE}/pause`,
    tag: 'Sources',
    summary: 'Switches it off; its checkpoint stays',
    answer: [200, 'SourceView'],
  },
  {
    method: 'post',
    path: `${SOURCE}/resume`,
    tag: 'Sources',
    summary: 'Switches it on; it goes on where it was',
    answer: [200, 'SourceView'],
  },
  {
    method: 'get',
    path: `${SOURCE}/status`,
    tag: 'Sources',
    summary: 'When it runs next, where it has got to, and its last run',
    answer: [200, 'SourceStatus'],
  },
  {
    method: 'put',
    path: `${SOURCE}/checkpoint`,
    tag: 'Sources',
    summary: 'Sets where it goes on; the same place may be set again',
    body: { schema: 'Checkpoint', example: aCheckpoint },
    answer: [200, 'SourceStatus'],
  },
  {
    method: 'post',
    path: `${SOURCE}/run`,
    tag: 'Runs of sources',
    summary: 'Has it run now',
    answer: [202, 'AskedRun'],
  },
  {
    method: 'post',
    path: `${SOURCE}/replay`,
    tag: 'Runs of sources',
    summary: 'Has what was pulled before pulled again, beside the live runs',
    body: { schema: 'Replay', example: aReplay },
    answer: [202, 'AskedRun'],
  },
  {
    method: 'get',
    path: `${SOURCE}/runs`,
    tag: 'Runs of sources',
    summary: 'A page of its runs and replays, the newest first',
    query: runsQuery,
    answer: [200, 'Runs'],
  },
  {
    method: 'get',
    path: RUN,
    tag: 'Runs of sources',
    summary: 'One run: its progress, or what it came to',
    answer: [200, 'RunView'],
  },
  {
    method: 'get',
    path: `${RUN}/log`,
    tag: 'Runs of sources',
    summary: 'Its log; as NDJSON, followed line by line until the run has ended',
    query: runLogQuery,
    answer: [200, 'RunLog', 'application/x-ndjson'],
  },
  {
    method: 'post',
    path: `${RUN}/cancel`,
    tag: 'Runs of sources',
    summary: 'Ends it before its next page',
    answer: [202, 'CancellingRun'],
  },
  {
    method: 'get',
    path: `${SOURCE}/api/report`,
    tag: 'Runs of sources',
    summary: "Its runs as Auth0's export extension told them",
    query: reportQuery,
    answer: [200, 'SourceReport'],
  },
];
