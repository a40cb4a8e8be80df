import { S3Sink, sharedTransport } from '@logferry/aws';
import { BatchUploads, KeyClaims } from '@logferry/queue';
import { HealthController, Metrics, Readiness } from '@logferry/runtime';
import { WorkerProcess } from '@logferry/worker';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { loadS3WorkerConfig } from './config';
import { deliverObject } from './deliver-object';
import { MemoryShare } from './memory-share';

@Module({
  controllers: [HealthController],
  providers: [
    {
      provide: WorkerProcess,
      useFactory: () => {
        const config = loadS3WorkerConfig();
        const { clientsMax, requestTimeoutMs, forcePathStyle, payloadBytesMax } = config;
        const memory = new MemoryShare(payloadBytesMax);
        const sink = new S3Sink(sharedTransport({ requestTimeoutMs }), {
          clientsMax,
          forcePathStyle,
        });
        return new WorkerProcess({
          app: 's3-worker',
          sink: 's3',
          config,
          deliver: ({ directory, broker, redis, shard }) =>
            deliverObject(directory, {
              sessions: broker,
              sink,
              claims: new KeyClaims(redis, shard),
              uploads: new BatchUploads(redis, shard),
              memory,
            }),
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
