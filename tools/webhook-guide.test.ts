// The example of docs/guides/notifications.md by which a receiver knows that a message is ours: it is run as it stands there.
import { signatureHeaders } from '@logferry/notifications';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const guide = readFileSync(join(__dirname, '..', 'docs', 'guides', 'notifications.md'), 'utf8');
const [, example = ''] = /```js\n([\s\S]*?)```/.exec(guide) ?? [];
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const body = '{"type":"channel.test"}';

/** What the example says of a message. */
function judge(headers: Record<string, string>, text: string, by: string): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'logferry-guide-'));
  try {
    const file = join(dir, 'example.mjs');
    const call = `isFromLogferry(${JSON.stringify(headers)}, ${JSON.stringify(text)}, ${JSON.stringify(by)})`;
    writeFileSync(file, `${example}\nconsole.log(${call});\n`);
    return execFileSync(process.execPath, [file]).toString().trim() === 'true';
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const headersAt = (timestampSeconds: number) =>
  signatureHeaders(secret, { id: 'acme/x', timestampSeconds, body });
const now = Math.floor(Date.now() / 1_000);

test('a message of ours is known, and nothing else', () => {
  expect(judge(headersAt(now), body, secret)).toBe(true);
  expect(judge(headersAt(now), `${body} `, secret)).toBe(false);
  expect(judge(headersAt(now), body, secret.replace('Mf', 'Mg'))).toBe(false);
  expect(judge(headersAt(now - 600), body, secret)).toBe(false);
  expect(judge({ ...headersAt(now), 'webhook-id': 'acme/y' }, body, secret)).toBe(false);
});
