import { CloudWatchSink, sharedTransport } from '@logferry/aws';
import { Rations, Reminders } from '@logferry/queue';
import { HealthController, Metrics, Readiness } from '@logferry/runtime';
import { WorkerProcess } from '@logferry/worker';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { loadCloudWatchWorkerConfig } from './config';
import { deliverLogEvents } from './deliver-log-events';
import { PossibleRepeats } from './possible-repeats';

@Module({
  controllers: [HealthController],
  providers: [
    {
      provide: WorkerProcess,
      useFactory: () => {
        const config = loadCloudWatchWorkerConfig();
        const { clientsMax, requestTimeoutMs } = config;
        const transport = sharedTransport({ requestTimeoutMs });
        // One for all shards.
        let sink: CloudWatchSink | undefined;
        let repeats: PossibleRepeats | undefined;
        return new WorkerProcess({
          app: 'cloudwatch-worker',
          sink: 'cloudwatch',
          config,
          deliver: ({ directory, broker, redis, metrics }) => {
            const memory = { rations: new Rations(redis), reminders: new Reminders(redis) };
            const mayRepeat = (repeats ??= new PossibleRepeats(metrics));
            sink ??= new CloudWatchSink(transport, {
              ...{ clientsMax, memory },
              mayHaveTaken: (logEvents, why) => mayRepeat.count(logEvents, why),
            });
            return deliverLogEvents(directory, broker, sink, mayRepeat);
          },
        });
      },
    },
    {
      provide: Metrics,
      inject: [WorkerProcess],
      useFactory: ({ metrics }: WorkerProcess) => metrics,
    },
    {
      provide: Readiness,
      inject: [WorkerProcess],
      useFactory: ({ readiness }: WorkerProcess) => readiness,
    },
  ],
})
export class WorkerModule implements OnApplicationShutdown {
  constructor(@Inject(WorkerProcess) private readonly worker: WorkerProcess) {}

  async onApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }
}
