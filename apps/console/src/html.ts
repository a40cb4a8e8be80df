/** Text that is markup already. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = string | number | Html | readonly Html[];

/** A template whose every value is escaped, unless it is markup already: log text is hostile. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((markup, text, i) => markup + render(parts[i - 1] ?? '') + text));
}

function render(part: Part): string {
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(({ markup }) => markup).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  nav a { margin-right: 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .75rem; border-radius: .4rem; }
  .bad { color: #c22; font-weight: 600; }
  .good { color: #2a2; font-weight: 600; }
  .id { overflow-wrap: anywhere; }
  .pill { border: 1px solid #8888; border-radius: 1rem; padding: .2rem .8rem; }
  .pill[aria-current] { background: #8884; font-weight: 600; }
  .dim { opacity: .65; }
  input, button, select, textarea { font: inherit; padding: .4rem .6rem; }
  td form { display: inline-block; }
  .field input:not([type=checkbox]):not([type=radio]), .field select, .field textarea { display: block; width: 100%; max-width: 40rem; box-sizing: border-box; }
  fieldset { border: 1px solid #8884; border-radius: .4rem; margin: 1rem 0; }
  [aria-invalid] { outline: 2px solid #c22; }
  form:has([name=type][value=cloudwatch]:checked) .of-s3, form:has([name=type][value=s3]:checked) .of-cloudwatch,
  form:has([name=kind][value=access_key]:checked) .of-role, form:has([name=kind]:checked:not([value=access_key])) .of-key { display: none; }`;

/** Where a page of what is under way leads by itself. */
interface Refresh {
  afterSeconds: number;
  address: string;
}

/** A page that brings everything along and may load nothing. */
export function page(title: string, body: Html, refresh?: Refresh): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
        />
        ${refresh === undefined ? html`` : refreshTag(refresh)}
        <title>${title} · Logferry</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`.markup;
}

function refreshTag({ afterSeconds, address }: Refresh): Html {
  return html`<meta http-equiv="refresh" content="${afterSeconds}; url=${address}" />`;
}

/** What there is to know of one thing. */
export function facts(rows: readonly [string, string | Html][]): Html {
  return html`<table>
    ${rows.map(
      ([name, value]) =>
        html`<tr>
          <th>${name}</th>
          <td class="id">${value}</td>
        </tr>`,
    )}
  </table>`;
}

/** It does something at once. */
export function button(address: string, label: string): Html {
  return html`<form method="post" action="${address}"><button>${label}</button></form>`;
}

export const navigation = html`<nav>
  <a href="/">Overview</a> <a href="/tenants">Tenants</a> <a href="/sources">Sources</a>
  <a href="/channels">Channels</a>
  <a href="/dead-letters">Dead letters</a>
  <a href="/queues">Queues</a>
  <a href="/docs">API</a>
  <a href="/logout">Log out</a>
</nav>`;
