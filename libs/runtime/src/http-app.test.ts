import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startHttpApp } from './http-app';

@Controller()
class Greeting {
  @Get('/')
  greet(): string {
    return 'hello';
  }
}

@Module({ controllers: [Greeting] })
class GreetingModule {}

const CONNECTIONS = 20;

/** Another process, which asks while this one is busy: over connections that it has kept, and over new ones. */
const SENDER = `
const http = require('node:http');
const [url, connections] = [process.argv[2], Number(process.argv[3])];
const agent = new http.Agent({ keepAlive: true });
const ask = (how) =>
  new Promise((resolve) => {
    const request = http.get(url, how, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    request.on('error', (error) => resolve(error.code));
  });
const all = (how) => Promise.all(Array.from({ length: connections }, () => ask(how)));
all({ agent }).then(() => process.send('warm'));
process.once('message', async () => {
  process.send(await Promise.all([all({ agent }), all({ agent: false })]));
  process.disconnect();
});
`;

test('what was asked before a process was told to stop is answered, although nobody had read it yet', async () => {
  const app = await startHttpApp(GreetingModule, () => ({
    log: pino({ level: 'silent' }),
    host: '127.0.0.1',
    port: 0,
    shutdownDeadlineMs: 0,
    drainMs: 1,
  }));
  const script = join(tmpdir(), `logferry-sender-${process.pid}.cjs`);
  writeFileSync(script, SENDER);
  const sender = fork(script, [`http://127.0.0.1:${app.ports.http}/`, String(CONNECTIONS)]);
  const says = (): Promise<unknown> => new Promise((resolve) => sender.once('message', resolve));
  expect(await says()).toBe('warm');
  await new Promise((sent) => sender.send('ask', sent));
  const busyUntil = Date.now() + 500;
  while (Date.now() < busyUntil);
  const [answers] = await Promise.all([says(), app.close()]);
  const answered = Array.from({ length: CONNECTIONS }, () => 200);
  expect(answers).toEqual([answered, answered]);
});
