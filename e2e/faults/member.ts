import { startBuiltApp, until, type BuiltApp } from '@logferry/testing';
import type { App } from '../app-environment';

interface MemberOptions {
  app: App;
  port: number;
  environment: Readonly<Record<string, string>>;
}

/** One process of the world: killed, stopped and started again under the same name and port. */
export class Member {
  /** The process of now, as it names itself to AWS: another one after each start. */
  incarnation: string;
  private running: BuiltApp | undefined;
  private starts = 0;

  constructor(
    readonly name: string,
    private readonly options: MemberOptions,
  ) {
    this.incarnation = `${name}.0`;
  }

  get app(): App {
    return this.options.app;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** What it has written since it was started last. */
  get output(): string {
    return this.running?.output() ?? '';
  }

  /** Starts it, unless it runs, and waits until it is ready. */
  async start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.running !== undefined) return;
    this.incarnation = `${this.name}.${++this.starts}`;
    const app = startBuiltApp(this.app, {
      ...this.options.environment,
      AWS_SDK_UA_APP_ID: this.incarnation,
      ...more,
    });
    this.running = app;
    await app.ready;
    await until(() => this.isReady(), { timeoutMs: 30_000, what: `${this.name} is ready` });
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    await running?.stop();
  }

  /** SIGTERM. Resolves with how it ended. */
  async stop(): Promise<{ code: number | null; tookMs: number; output: string }> {
    const { running } = this;
    if (running === undefined) throw new Error(`${this.name} does not run`);
    const askedAt = Date.now();
    running.signal('SIGTERM');
    const { code, output } = await running.ended;
    this.running = undefined;
    return { code, output, tookMs: Date.now() - askedAt };
  }

  pause(): void {
    this.running?.signal('SIGSTOP');
  }

  resume(): void {
    this.running?.signal('SIGCONT');
  }

  private async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined);
    return answer?.status === 200;
  }
}
