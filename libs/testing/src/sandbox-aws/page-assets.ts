// The page's style and script. They stand in the page itself, and its Content-Security-Policy admits exactly these two by hash.

export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1d2430; --dim: #667085; --line: #e3e7ee; --paper: #f6f7f9; --card: #fff; --accent: #b4530a; --ok: #15803d; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #98a2b3; --line: #2b3342; --paper: #12161d; --card: #1a202b; --accent: #f59e0b; --ok: #4ade80; --bad: #f97066; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: var(--paper); }
header { position: sticky; top: 0; z-index: 1; display: flex; gap: 1rem; align-items: baseline; padding: .7rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line); }
header h1 { margin: 0; font-size: 1.1rem; }
header a { color: inherit; text-decoration: none; }
header .live { margin-left: auto; color: var(--dim); font-size: .85rem; }
header .live::before { content: ""; display: inline-block; width: .55em; height: .55em; margin-right: .5em; border-radius: 50%; background: var(--ok); }
header .live.lost::before { background: var(--bad); }
main { max-width: 80rem; margin: 0 auto; padding: 1.2rem 1.5rem 3rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 0 0 1.2rem; }
.figures div { padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.figures dt { color: var(--dim); font-size: .8rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.figures .warn dd { color: var(--bad); }
section { margin: 0 0 1.4rem; }
h2 { margin: 0 0 .5rem; font-size: 1rem; }
h2.title { margin-bottom: 1rem; font-size: 1.15rem; overflow-wrap: anywhere; }
h2.title code { font-size: inherit; }
h2 small { color: var(--dim); font-weight: normal; }
.card { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .4rem .8rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
tr:first-child > th { border-top: 0; }
th { color: var(--dim); font-weight: 500; font-size: .8rem; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.time { white-space: nowrap; color: var(--dim); font-variant-numeric: tabular-nums; }
code, pre, td.message { font-family: ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; font-size: .82rem; }
td.place { min-width: 17rem; overflow-wrap: anywhere; }
td.message { width: 60%; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { margin: 0; padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--accent); }
.empty { padding: .9rem 1rem; color: var(--dim); }
.dim { color: var(--dim); }
`;

// The body of the page is fetched again and put in place of the old one when it has changed. It is the server's own escaped
// markup, and the policy forbids any script in it.
export const PAGE_SCRIPT = `
const live = document.querySelector('.live');
let shown = document.querySelector('main').outerHTML;
async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const fresh = page.querySelector('main');
    if (fresh && fresh.outerHTML !== shown && String(getSelection()) === '') {
      shown = fresh.outerHTML;
      document.querySelector('main').replaceWith(fresh);
    }
    live.textContent = 'live';
    live.classList.remove('lost');
  } catch {
    live.textContent = 'the sandbox does not answer';
    live.classList.add('lost');
  }
  setTimeout(refresh, 2000);
}
setTimeout(refresh, 2000);
`;
