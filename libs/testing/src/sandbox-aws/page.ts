// The page for people: what has arrived, where, and what it says. Log text is hostile, so everything is escaped by the template
// and the policy forbids every script but the page's own.
import { createHash } from 'node:crypto';
import type { Answer } from './answer';
import { Html, html } from './html';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-assets';
import { viewNotFound, viewObject, viewOverview, viewStream } from './page-views';
import type { SandboxControl } from './sandbox-control';

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(PAGE_STYLE)}`,
  `script-src ${hashSource(PAGE_SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function answerPage(url: URL, control: SandboxControl): Answer {
  const view = findView(url, control);
  return {
    httpStatus: view === undefined ? 404 : 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': POLICY,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
    body: frame(view ?? viewNotFound()).text,
  };
}

function findView(url: URL, control: SandboxControl): Html | undefined {
  const text = (name: string): string => url.searchParams.get(name) ?? '';
  switch (url.pathname) {
    case '/':
      return viewOverview(control);
    case '/_sandbox/page/stream':
      return viewStream(control, {
        account: text('account'),
        region: text('region'),
        group: text('group'),
        stream: text('stream'),
      });
    case '/_sandbox/page/object':
      return viewObject(control, text('bucket'), text('key'));
    default:
      return undefined;
  }
}

function frame(view: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Sandbox AWS</title>
        <style>
          ${new Html(PAGE_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1><a href="/">Sandbox AWS</a></h1>
          <span class="dim">CloudWatch Logs, S3 and STS on this machine</span
          ><span class="live">live</span>
        </header>
        <main>${view}</main>
        <script>
          ${new Html(PAGE_SCRIPT)};
        </script>
      </body>
    </html> `;
}
