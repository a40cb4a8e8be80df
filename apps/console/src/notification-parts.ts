import {
  HookClient,
  HookTurns,
  NotificationQueue,
  NotificationWorker,
  type HookRules,
  type Message,
  type SendOutcome,
} from '@logferry/notifications';
import { SourceRuns } from '@logferry/sources';
import {
  connected,
  hasJobsToTake,
  JobFetcher,
  patientRedis,
  Standings,
  type RedisClient,
} from '@logferry/queue';
import { BrokerDesk, ConfigError, type Logger, type Metrics } from '@logferry/runtime';
import { ChannelStates, ConfigStore, Directory, WatchMemory } from '@logferry/store';
import { ChannelDesk } from './channel-desk';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { HappeningsWatch } from './happenings-watch';
import { SourcesWatch } from './sources-watch';
import { MessageSender } from './message-sender';

/** Sends the messages, unless this console only shows. */
export const NOTIFYING = Symbol('Notifying');

/** Notices what there is to tell, unless this console only shows. */
export const WATCHING = Symbol('Watching');

const HOOK_RULES = Symbol('HookRules');

/** What telling somebody consists of, for the module that knows Redis, the log and the metrics by these tokens. */
export function notificationParts(redis: symbol, log: symbol, metrics: typeof Metrics) {
  return [
    {
      provide: HOOK_RULES,
      inject: [CONSOLE_CONFIG],
      useFactory: ({ slackHosts, webhookHosts }: ConsoleConfig): HookRules => ({
        slackHosts: listOf(slackHosts),
        webhookHosts: listOf(webhookHosts ?? ''),
      }),
    },
    {
      provide: ChannelStates,
      inject: [redis],
      useFactory: (client: RedisClient) => new ChannelStates(client),
    },
    {
      provide: MessageSender,
      inject: [ConfigStore, BrokerDesk, ChannelStates, redis, HOOK_RULES, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        broker: BrokerDesk,
        states: ChannelStates,
        ...[client, rules, config]: [RedisClient, HookRules, ConsoleConfig]
      ) => {
        const hooks = new HookClient({ endpointUrl: endpointOf(config) });
        const turns = new HookTurns(client);
        return new MessageSender({ store, broker, states, client: hooks, turns, rules });
      },
    },
    {
      provide: ChannelDesk,
      inject: [ConfigStore, BrokerDesk, ChannelStates, MessageSender, HOOK_RULES, CONSOLE_CONFIG],
      useFactory: (
        store: ConfigStore,
        broker: BrokerDesk,
        states: ChannelStates,
        ...[sender, rules, { readOnly }]: [MessageSender, HookRules, ConsoleConfig]
      ) => new ChannelDesk({ store, broker, states, sender, rules, readOnly }),
    },
    notifying(log, metrics),
    watching(redis, log),
  ];
}

function notifying(log: symbol, metrics: typeof Metrics) {
  return {
    provide: NOTIFYING,
    inject: [CONSOLE_CONFIG, MessageSender, ChannelStates, log, metrics],
    useFactory: async (
      { readOnly, redisUrl, shutdownDeadlineMs }: ConsoleConfig,
      sender: MessageSender,
      states: ChannelStates,
      ...[logger, gauges]: [Logger, Metrics]
    ) => {
      if (readOnly) return { start: () => undefined, stop: () => undefined };
      const messages = gauges.counter(
        'notification_messages_total',
        'Messages to channels, by what became of them; those that are tried again are counted each time',
        ['outcome'],
      );
      const redis = patientRedis({ url: redisUrl });
      redis.on('error', (error: Error) => logger.debug({ err: error }, 'redis'));
      await connected(redis);
      const worker = new NotificationWorker({
        redis,
        fetch: ({ queue, ...parts }) =>
          new JobFetcher({ ...parts, hasWork: () => hasJobsToTake(redis, queue) }),
        channelsFor: (notification) => sender.channelsFor(notification),
        send: (message, progress) => sender.send(message, progress),
        onOutcome: (message, outcome, willRetry) => {
          messages.inc({ outcome: willRetry ? 'retried' : labelOf(outcome) });
          noteOutcome(message, outcome, willRetry);
        },
        onError: (error) => logger.debug({ err: error }, 'notifications are not sent'),
      });
      return {
        start: () => worker.start(),
        stop: async () => {
          // The rest of the process is to end in time too.
          await worker.stop(shutdownDeadlineMs / 2);
          redis.disconnect();
        },
      };

      function noteOutcome(message: Message, outcome: SendOutcome, willRetry: boolean): void {
        const { notification, channelId } = message;
        const { tenantId, kind, id } = notification;
        const atMs = Date.now();
        const noted = (error: unknown): void =>
          logger.debug({ err: error }, 'what became of a message is not noted');
        if (outcome.kind === 'sent')
          return void states.sent({ tenantId, channelId }, atMs).catch(noted);
        if (outcome.kind !== 'again' && outcome.kind !== 'failed') return;
        const { code } = outcome;
        if (!willRetry)
          logger.warn({ tenantId, channelId, kind, id, code }, 'a message is given up');
        const failed = { code, atMs, isLast: !willRetry };
        void states.failed({ tenantId, channelId }, failed).catch(noted);
      }
    },
  };
}

function watching(redis: symbol, log: symbol) {
  return {
    provide: WATCHING,
    inject: [CONSOLE_CONFIG, redis, ConfigStore, Directory, log],
    useFactory: (
      { readOnly, shards, lateMinutes }: ConsoleConfig,
      client: RedisClient,
      store: ConfigStore,
      ...[directory, logger]: [Directory, Logger]
    ) => {
      if (readOnly) return { start: () => undefined, stop: () => undefined };
      const queue = new NotificationQueue(client);
      const add: NotificationQueue['add'] = (notification) => queue.add(notification);
      const watch = new HappeningsWatch({
        store,
        directory,
        standings: new Standings(client, shards),
        memory: new WatchMemory(client),
        sources: new SourcesWatch({ store, runs: new SourceRuns(client), add }),
        add,
        log: logger,
        lateMs: lateMinutes * 60_000,
      });
      return {
        start: () => watch.start(),
        stop: async () => {
          await watch.stop();
          // Not awaited: nothing of it is under way any more, and without Redis it would not end.
          void queue.close().catch((error: unknown) => logger.debug({ err: error }, 'queue'));
        },
      };
    },
  };
}

function labelOf({ kind }: SendOutcome): string {
  return kind === 'again' ? 'failed' : kind;
}

/** @throws ConfigError */
function endpointOf({ hooksEndpointUrl }: ConsoleConfig): string | undefined {
  const protocol = URL.parse(hooksEndpointUrl ?? 'http:')?.protocol;
  if (protocol === 'http:' || protocol === 'https:' || hooksEndpointUrl === undefined)
    return hooksEndpointUrl;
  throw new ConfigError([
    'LOGFERRY_CONSOLE_HOOKS_ENDPOINT_URL must be an address that begins with http:// or https://',
  ]);
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== '');
}
