// The page for people: what has arrived, where, and what it says. Log text is hostile, so everything is escaped by the template
// and the policy forbids every script but the page's own.
import { createHash } from 'node:crypto';
import type { Answer } from './answer';
import { Markup, markup } from './markup';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-assets';
import { viewNotFound, viewObject, viewStream } from './page-details';
import { viewOverview } from './page-overview';
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

function findView(url: URL, control: SandboxControl): Markup | undefined {
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

function frame(view: Markup): Markup {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox AWS</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<header><h1><a href="/">Sandbox AWS</a></h1><span class="dim">CloudWatch Logs, S3 and STS on this machine</span><span class="live">live</span></header>
<main>${view}</main>
<script>${new Markup(PAGE_SCRIPT)}</script>
</body>
</html>
`;
}
