// The command for channels, against a console whose hooks lead to a stand-in.
import { ChannelsTestbed } from '../../apps/console/src/channels.testbed';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const channels = new ChannelsTestbed(bed);
const cli = new CliTestbed(bed);
beforeAll(() => channels.start());
beforeEach(async () => {
  channels.hooks.reset();
  await cli.letIn();
});
afterAll(async () => {
  await channels.stop();
  cli.remove();
});

const SECRET = 'https://hooks.slack.com/services/T/B/secret';
const put = ['channels', 'put', 'acme', 'ops', '--address', '${ENV:HOOK}'];

test('a channel is made, tested, listed, switched off and deleted, and its address never shown', async () => {
  await cli.run(['tenants', 'create', 'acme']);
  cli.environment.HOOK = SECRET;
  const made = await cli.run([...put, '--kind', 'slack', '--events', 'run.failed,run.succeeded']);
  expect(made).toEqual({ code: 0, out: 'channel acme/ops: stored\n', told: '' });
  const tested = await cli.run(['channels', 'test', 'acme', 'ops']);
  expect(tested).toMatchObject({ code: 0, out: 'channel acme/ops: a message was taken\n' });
  channels.hooks.replies.push({ status: 404 });
  expect(await cli.run(['channels', 'test', 'acme', 'ops'])).toMatchObject({
    code: 1,
    out: expect.stringContaining('(channel.gone)') as string,
  });
  expect((await cli.run(['channels', 'disable', 'acme', 'ops'])).code).toBe(0);
  const listed = await cli.run(['channels', 'list', 'acme']);
  expect(listed.out).toMatch(/^CHANNEL .*\nops +slack +hooks\.slack\.com +2 +no\n$/);
  const state = await cli.run(['channels', 'state', 'acme', 'ops']);
  expect(JSON.parse(state.out)).toMatchObject({ sent: 1, failed: 1 });
  const shown = await cli.run(['channels', 'get', 'acme', 'ops']);
  expect(shown.out + listed.out + state.out + made.out).not.toContain('T/B/secret');
  expect((await cli.run(['channels', 'delete', 'acme', 'ops'])).code).toBe(64);
  expect((await cli.run(['channels', 'delete', 'acme', 'ops', '--yes'])).code).toBe(0);
});

test('an address is not typed, and a signing secret is shown once', async () => {
  await cli.run(['tenants', 'create', 'acme']);
  const typed = ['channels', 'put', 'acme', 'ops', '--kind', 'slack', '--address', SECRET];
  expect(await cli.run(typed)).toMatchObject({ code: 64 });
  cli.environment.HOOK = 'https://ops.acme.com/x';
  expect((await cli.run([...put, '--kind', 'webhook'])).out).toMatch(/shown this once: whsec_/);
});
