// What the console's API offers about replays, address by address.
import { aKeptReplay } from './api-examples';
import type { ApiOperation } from './api-operations';

const REPLAYS = '/v1/tenants/{tenantId}/destinations/{destinationId}/replays';

export const replayOperations: readonly ApiOperation[] = [
  {
    method: 'get',
    path: REPLAYS,
    tag: 'Replays',
    summary: 'What is kept of what was delivered, and the replays of it, the latest first',
    answer: [200, 'Replays'],
  },
  {
    method: 'post',
    path: REPLAYS,
    tag: 'Replays',
    summary: 'Delivers again what is kept of a range of time',
    body: { schema: 'ReplayRequest', example: aKeptReplay },
    answer: [201, 'ReplayView'],
  },
  {
    method: 'get',
    path: `${REPLAYS}/{replayId}`,
    tag: 'Replays',
    summary: 'One replay, and how far it is',
    answer: [200, 'ReplayView'],
  },
  {
    method: 'post',
    path: `${REPLAYS}/{replayId}/cancel`,
    tag: 'Replays',
    summary: 'Ends a replay; what of it is accepted already is delivered',
    answer: [200, 'ReplayView'],
  },
];
