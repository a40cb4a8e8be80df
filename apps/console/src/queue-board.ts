import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { openQueues } from '@logferry/queue';
import type { FastifyInstance } from 'fastify';

/** Where the queue UI lies under the console. */
export const QUEUES_PATH = '/queues';

type OpenQueues = ReturnType<typeof openQueues>;
type Board = NonNullable<Parameters<typeof createBullBoard>[0]['options']>;
type BeforeHook = NonNullable<NonNullable<Board['handlerHooks']>['before']>;

/**
 * What may be done from the queue UI. Each of these moves a job to where it is tried again, or stops and starts a queue. Everything
 * else that the UI offers, such as removing jobs or emptying a queue, would leave log events that no job speaks for: the sweep would
 * bring their jobs back, so the button would only seem to work.
 */
const ALLOWED = [
  /^\/api\/queues\/:queueName\/(pause|resume|promote)$/,
  /^\/api\/queues\/:queueName\/retry\/:queueStatus$/,
  /^\/api\/queues\/:queueName\/:jobId\/(retry|promote)$/,
  /^\/api\/queues\/(pause|resume)$/,
];

/** Puts the queue UI under the console. The guard must be there before it. */
export async function mountQueueBoard(
  server: FastifyInstance,
  queues: OpenQueues,
  readOnly: boolean,
): Promise<void> {
  const adapter = new FastifyAdapter();
  adapter.setBasePath(QUEUES_PATH);
  createBullBoard({
    serverAdapter: adapter,
    queues: queues.map(
      ({ queue }) =>
        new BullMQAdapter(queue, {
          readOnlyMode: readOnly,
          // The UI has no way to hide single buttons, so that it is said beside them.
          description: 'Jobs are not removed here: dead letters are discarded on their own page.',
          externalJobUrl: ({ id }) => ({ displayText: 'Log events', href: `/batches/${id ?? ''}` }),
        }),
    ),
    options: {
      uiConfig: {
        boardTitle: 'Logferry queues',
        hideRedisDetails: true,
        pollingInterval: { showSetting: true, forceInterval: undefined },
        miscLinks: [
          { text: 'Overview', url: '/' },
          { text: 'Sources', url: '/sources' },
          { text: 'Channels', url: '/channels' },
          { text: 'Dead letters', url: '/dead-letters' },
          { text: 'Log out', url: '/logout' },
        ],
      },
      handlerHooks: { before: onlyWhatLosesNothing(readOnly) },
    },
  });
  await server.register(adapter.registerPlugin(), { prefix: QUEUES_PATH });
}

function onlyWhatLosesNothing(readOnly: boolean): BeforeHook {
  return ({ method, route }) => {
    if (method === 'get') return { allow: true };
    if (readOnly) return { allow: false, status: 405, message: 'The console is read-only.' };
    if (ALLOWED.some((pattern) => pattern.test(route))) return { allow: true };
    return {
      allow: false,
      status: 405,
      message: 'Not from here: it would leave log events without a job to deliver them.',
    };
  };
}
