import 'reflect-metadata';
import { Controller, Get, Module, type OnModuleDestroy } from '@nestjs/common';
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startHttpApp } from './http-app';
import type { RunningApp } from './run-app';

let whenDestroyed: () => void | Promise<void>;

@Controller()
class Greeting implements OnModuleDestroy {
  @Get('/')
  greet(): string {
    return 'hello';
  }

  onModuleDestroy(): void | Promise<void> {
    return whenDestroyed();
  }
}

@Module({ controllers: [Greeting] })
class GreetingModule {}

const CONNECTIONS = 20;
/** There as soon as the system has all that the sender asks, or has refused it. */
const MARK = join(tmpdir(), `logferry-asked-${process.pid}`);

/** Another process, which asks while this one is busy: over connections that it has kept, and over new ones. */
const SENDER = `
const http = require('node:http');
const { writeFileSync } = require('node:fs');
const [url, connections, mark] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const agent = new http.Agent({ keepAlive: true });
const ask = (how, asked) =>
  new Promise((resolve) => {
    const request = http.get(url, how, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    request.once('finish', () => asked(request)).once('error', () => asked(request));
    request.on('error', (error) => resolve(error.code));
  });
const all = (how, asked = () => {}) =>
  Promise.all(Array.from({ length: connections }, () => ask(how, asked)));
all({ agent }).then(() => process.send('warm'));
process.once('message', async () => {
  const gone = new Set();
  const asked = (request) => gone.add(request).size === 2 * connections && writeFileSync(mark, '');
  process.send(await Promise.all([all({ agent }, asked), all({ agent: false }, asked)]));
  process.disconnect();
});
`;

let app: RunningApp;
let sender: ChildProcess;

beforeEach(async () => {
  whenDestroyed = () => undefined;
  app = await startHttpApp(GreetingModule, () => ({
    log: pino({ level: 'silent' }),
    host: '127.0.0.1',
    port: 0,
    shutdownDeadlineMs: 0,
    drainMs: 1,
  }));
  const script = join(tmpdir(), `logferry-sender-${process.pid}.cjs`);
  writeFileSync(script, SENDER);
  rmSync(MARK, { force: true });
  sender = fork(script, [`http://127.0.0.1:${app.ports.http}/`, String(CONNECTIONS), MARK]);
  expect(await says()).toBe('warm');
});

function says(): Promise<unknown> {
  return new Promise((resolve) => sender.once('message', resolve));
}

/** Lets the sender ask, and hears nothing of it: it sleeps, without a turn of its event loop. */
async function askedWhileBusy(): Promise<void> {
  await new Promise((sent) => sender.send('ask', sent));
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const deadline = Date.now() + 20_000;
  while (!existsSync(MARK) && Date.now() < deadline) Atomics.wait(clock, 0, 0, 5);
}

const each = (what: number | string) => Array.from({ length: CONNECTIONS }, () => what);

test('what was asked before a process was told to stop is answered, although nobody had read it yet', async () => {
  await askedWhileBusy();
  const [answers] = await Promise.all([says(), app.close()]);
  expect(answers).toEqual([each(200), each(200)]);
});

test('what is asked while a process closes is refused, and breaks nothing that was heard', async () => {
  whenDestroyed = askedWhileBusy;
  const [answers] = await Promise.all([says(), app.close()]);
  expect(answers).toEqual([each('ECONNREFUSED'), each('ECONNREFUSED')]);
});
