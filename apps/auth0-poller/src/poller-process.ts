import type { NotificationQueue } from '@logferry/notifications';
import { hasJobsToTake, JobFetcher, type RedisClient } from '@logferry/queue';
import type { BrokerSourceTokens, Logger } from '@logferry/runtime';
import { Runner, RunQueue, type RunJob, type SourceRuns } from '@logferry/sources';
import { Directory, Unreadable, type ConfigStore } from '@logferry/store';
import type { Auth0PollerConfig } from './config';
import type { PollerMetrics } from './poller-metrics';
import { NotNow, RunSource } from './run-source';
import { Schedules } from './schedules';

const DAY_MS = 86_400_000;

interface PollerParts {
  config: Auth0PollerConfig;
  log: Logger;
  redis: RedisClient;
  store: ConfigStore;
  tokens: BrokerSourceTokens;
  notifications: NotificationQueue;
  runs: SourceRuns;
  metrics: PollerMetrics;
}

/** Everything that a poller holds: the configuration as it sees it, the schedules, and whoever takes what is due. */
export class PollerProcess {
  private readonly directory: Directory;
  private readonly queue: RunQueue;
  private readonly schedules: Schedules;
  private readonly runSource: RunSource;
  private readonly runner: Runner;

  constructor(private readonly parts: PollerParts) {
    const { config, log, redis, store, tokens, runs, metrics, notifications } = parts;
    this.queue = new RunQueue(redis);
    this.schedules = new Schedules(store, this.queue, (error) =>
      log.warn({ err: error }, 'the schedules are not up to date'),
    );
    this.directory = new Directory(
      store,
      (error) => {
        if (error instanceof Unreadable) log.error({ err: error }, error.message);
        else log.debug({ err: error }, 'the directory cannot be refreshed');
      },
      () => this.schedules.changed(),
    );
    const { ingestUrl, ingestKey, requestTimeoutMs, holdMs, auth0Domains } = config;
    this.runSource = new RunSource({
      redis,
      directory: this.directory,
      store,
      tokens,
      runs,
      notify: (notification) => notifications.add(notification),
      ingest: { url: ingestUrl, key: ingestKey, timeoutMs: requestTimeoutMs },
      reach: { domains: auth0Domains, endpointUrl: config.auth0EndpointUrl },
      metrics,
      log,
      bounds: { runsMax: config.runsMax, ageMsMax: config.runDays * DAY_MS },
      requestTimeoutMs,
      holdMs,
    });
    const run = async (job: RunJob): Promise<void> => {
      try {
        await this.runSource.run(job);
      } catch (error) {
        // BullMQ writes it into the job, where nobody looks.
        const { tenantId, sourceId, kind } = job;
        const level = error instanceof NotNow ? 'debug' : 'warn';
        log[level]({ tenantId, sourceId, kind, err: error }, 'a run broke off');
        throw error;
      }
    };
    this.runner = new Runner(redis, run, {
      concurrency: config.concurrency,
      fetch: ({ queue, ...parts }) =>
        new JobFetcher({ ...parts, hasWork: () => hasJobsToTake(redis, queue) }),
      onError: (error) => log.debug({ err: error }, 'queue'),
    });
    this.directory.start();
    this.schedules.start();
  }

  async close(): Promise<void> {
    const { log, config, tokens, notifications } = this.parts;
    this.schedules.stop();
    this.runSource.stop();
    await this.runner.close(config.shutdownDeadlineMs);
    this.directory.stop();
    tokens.close();
    // Not awaited: nothing of it is under way any more, and without Redis it would not end.
    for (const queue of [this.queue, notifications])
      void queue.close().catch((error: unknown) => log.debug({ err: error }, 'queue'));
  }
}
