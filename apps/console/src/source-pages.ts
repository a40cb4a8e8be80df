import { button, facts, html, navigation, page, type Html } from './html';
import type { ListedSource } from './listed-sources';
import { sourceForms } from './source-forms';
import type { SourceAddress } from './source-run-desk';
import type { LogLineView, RunView, StatusView } from './source-view';

export const RUNS_A_PAGE = 10;
const REFRESH_SECONDS = 3;

const states = {
  running: { name: 'Running', style: 'dim' },
  succeeded: { name: 'Success', style: 'good' },
  failed: { name: 'Failed', style: 'bad' },
  cancelled: { name: 'Cancelled', style: 'dim' },
  interrupted: { name: 'Interrupted', style: 'dim' },
};

const warnings = {
  gap: 'Auth0 had deleted log events before they were read.',
  late: 'The newest log event that it read is older than seven days.',
  silent: 'Nothing came although Auth0 has newer log events.',
  rejected: 'Some log events were refused for good.',
  unwanted: 'Some log events are wanted by no destination, and are nowhere.',
};

const dones = {
  paused: 'The source is paused. Its checkpoint stays where it is.',
  resumed: 'The source runs again, at its next time.',
  asked: 'A run was asked for: it is listed as soon as a poller has begun it.',
  cancelling: 'The run ends before its next page.',
  set: 'The checkpoint was set.',
};
export type SourceDone = keyof typeof dones;
export const sourceDones = Object.keys(dones) as [SourceDone, ...SourceDone[]];

export function addressOfSource({ tenantId, sourceId }: SourceAddress): string {
  return `/tenants/${encodeURIComponent(tenantId)}/sources/${encodeURIComponent(sourceId)}`;
}

interface SourcesView {
  sources: readonly ListedSource[];
  /** The tenant behind which the next page begins. */
  next: string | undefined;
}

/** Where logs are pulled from, and whether that goes well. */
export function sourcesPage({ sources, next }: SourcesView): string {
  const table = html`<table>
    <tr>
      <th>Tenant</th>
      <th>Source</th>
      <th>Next run</th>
      <th>Last run</th>
      <th>Checkpoint</th>
    </tr>
    ${sources.map(sourceRow)}
  </table>`;
  const nextPage = new URLSearchParams({ after: next ?? '' }).toString();
  return page(
    'Sources',
    html`${navigation}
      <h1>Sources</h1>
      ${sources.length === 0 ? html`<p class="dim">There are none.</p>` : table}
      ${next === undefined ? html`` : html`<p><a href="/sources?${nextPage}">More</a></p>`}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
  );
}

function sourceRow({ tenantId, sourceId, domain, status }: ListedSource): Html {
  const name = html`<td>${tenantId}</td>
    <td>
      <a href="${addressOfSource({ tenantId, sourceId })}">${sourceId}</a><br />
      <span class="dim">${domain ?? ''}</span>
    </td>`;
  if (domain === undefined || status === undefined)
    return html`<tr>
      ${name}
      <td colspan="3">
        <span class="bad">What is stored of it cannot be read: write it anew.</span>
      </td>
    </tr>`;
  const { enabled, lastRun } = status;
  return html`<tr>
    ${name}
    <td>${enabled ? moment(status.nextRunAt, 'not known yet') : 'paused'}</td>
    <td>${lastRun === null ? 'none yet' : html`${stateOf(lastRun)}<br />${lastRun.startedAt}`}</td>
    <td>${checkpointOf(status)}</td>
  </tr>`;
}

interface SourceView extends SourceAddress {
  domain: string;
  status: StatusView;
  runs: readonly RunView[];
  /** How many there are on all pages. */
  total: number;
  /** From 0. */
  pageNumber: number;
  onlyFailed: boolean;
  readOnly: boolean;
  /** What was just done. */
  done: SourceDone | undefined;
}

/** A source and its runs, the newest first. */
export function sourcePage(view: SourceView): string {
  const { tenantId, sourceId, domain, status, done } = view;
  const address = addressOfSource(view);
  const running = status.lastRun?.state === 'running';
  // Whoever reads an older page, or looks for what failed, is not interrupted by what runs.
  const isLive = (running || done === 'asked') && view.pageNumber === 0 && !view.onlyFailed;
  const rows: [string, string | Html][] = [
    ['Domain', domain],
    ['State', status.enabled ? 'enabled' : 'paused'],
    ['Next run', status.enabled ? moment(status.nextRunAt, 'not known yet') : 'none'],
    ['Last run', status.lastRun?.startedAt ?? 'none yet'],
    ['Checkpoint', checkpointOf(status)],
    ['Caught up', moment(status.caughtUpAt, 'not yet')],
    ['Newest log event', moment(status.newestAt, 'none yet')],
  ];
  return page(
    `Source ${sourceId} of ${tenantId}`,
    html`${navigation}
      <p><a href="/sources">All sources</a></p>
      <h1>Source ${sourceId} of ${tenantId}</h1>
      <p>${done === undefined ? '' : dones[done]}</p>
      ${facts(rows)} ${view.readOnly ? html`` : sourceForms(address, status.enabled, running)}
      <h2>Runs</h2>
      <p>
        ${pill(address, 'All runs', !view.onlyFailed)}
        ${pill(`${address}?filter=failed`, 'Failed runs', view.onlyFailed)}
      </p>
      ${runTable(view)} ${pager(view)}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
    isLive ? { afterSeconds: REFRESH_SECONDS, address } : undefined,
  );
}

function pill(address: string, label: string, isCurrent: boolean): Html {
  return isCurrent
    ? html`<a class="pill" aria-current="page" href="${address}">${label}</a>`
    : html`<a class="pill" href="${address}">${label}</a>`;
}

function runTable({ runs, onlyFailed, pageNumber, ...at }: SourceView): Html {
  if (runs.length === 0) {
    if (pageNumber > 0) return html`<p class="dim">There are no more runs.</p>`;
    return html`<p class="dim">${onlyFailed ? 'No run has failed.' : 'There are no runs yet.'}</p>`;
  }
  return html`<table>
    <tr>
      <th>Status</th>
      <th>Start</th>
      <th>End</th>
      <th class="n">Processed</th>
      <th class="n">Filtered</th>
      <th>Checkpoint</th>
      <th>Error</th>
    </tr>
    ${runs.map(
      (run) =>
        html`<tr>
          <td>${stateOf(run)}${kindNote(run)}</td>
          <td>
            <a href="${addressOfSource(at)}/runs/${encodeURIComponent(run.id)}">${run.startedAt}</a>
          </td>
          <td>${moment(run.endedAt, '')}</td>
          <td class="n">${run.accepted}</td>
          <td class="n">${run.filtered}</td>
          <td class="id">${run.checkpoint ?? ''}</td>
          <td>${errorOf(run)}</td>
        </tr>`,
    )}
  </table>`;
}

function pager({ total, pageNumber, onlyFailed, ...at }: SourceView): Html {
  const pages = Math.ceil(total / RUNS_A_PAGE);
  if (pages <= 1) return html`<p class="dim">${total} in all.</p>`;
  const link = (number: number, label: string): Html => {
    if (number < 0 || number >= pages) return html``;
    const query = new URLSearchParams(onlyFailed ? { filter: 'failed' } : {});
    query.set('page', String(number + 1));
    return html`<a href="${addressOfSource(at)}?${query.toString()}">${label}</a>`;
  };
  return html`<p>
    ${link(pageNumber - 1, 'Newer')} Page ${pageNumber + 1} of ${pages}, ${total} in all.
    ${link(pageNumber + 1, 'Older')}
  </p>`;
}

interface ShownRun extends SourceAddress {
  run: RunView;
  lines: readonly LogLineView[];
  readOnly: boolean;
}

/** A run with what it has logged; while it runs, the page is loaded again and again. */
export function runPage({ run, lines, readOnly, ...at }: ShownRun): string {
  const address = addressOfSource(at);
  const ownAddress = `${address}/runs/${encodeURIComponent(run.id)}`;
  const rejections = run.rejections.map(({ logId, code }) => html`<br />${logId}: ${code}`);
  const unknown = Object.entries(run.unknownTypes).map(([type, n]) => `${type}: ${n}`);
  const rows: [string, string | Html][] = [
    ['Status', html`${stateOf(run)}${kindNote(run)}`],
    ['Start', run.startedAt],
    ['End', moment(run.endedAt, '')],
    ['Processed', `${run.accepted} of ${run.read} that Auth0 gave`],
    ['Unwanted', String(run.unwanted)],
    ['Filtered', String(run.filtered)],
    ['Rejected', html`${run.rejected}${rejections}`],
    ['Began behind', run.firstCheckpoint ?? 'the oldest that Auth0 had'],
    ['Checkpoint', run.checkpoint ?? 'none yet'],
    ['Newest log event', moment(run.newestAt, 'none')],
  ];
  if (unknown.length > 0) rows.push(['Types that are not known', unknown.join(', ')]);
  if (run.error !== null) rows.push(['Error', errorOf(run)]);
  if (run.warnings.length > 0)
    rows.push(['Warnings', run.warnings.map((warning) => warnings[warning]).join(' ')]);
  return page(
    `Run ${run.id}`,
    html`${navigation}
      <p><a href="${address}">Source ${at.sourceId} of ${at.tenantId}</a></p>
      <h1>Run ${run.id}</h1>
      ${facts(rows)} ${readOnly || !mayEnd(run) ? html`` : button(`${ownAddress}/cancel`, 'Cancel')}
      <h2>Log</h2>
      ${lines.length === 0 ? html`<p class="dim">It has logged nothing yet.</p>` : logOf(lines)}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
    run.state === 'running'
      ? {
          afterSeconds: REFRESH_SECONDS,
          address: ownAddress,
        }
      : undefined,
  );
}

/** A replay that was interrupted goes on by itself. */
function mayEnd({ state, kind }: RunView): boolean {
  return state === 'running' || (state === 'interrupted' && kind === 'replay');
}

function logOf(lines: readonly LogLineView[]): Html {
  const text = lines.map(
    ({ at, level, text }) =>
      html`<span class="${level === 'info' ? '' : 'bad'}">${`${at} ${level} ${text}\n`}</span>`,
  );
  return html`<pre>${text}</pre>`;
}

function stateOf({ state }: RunView): Html {
  const { name, style } = states[state];
  return html`<span class="${style}"><span aria-hidden="true">●</span> ${name}</span>`;
}

function kindNote({ kind, warnings: some }: RunView): Html {
  const notes = [...(kind === 'schedule' ? [] : [kind]), ...some];
  return notes.length === 0 ? html`` : html`<br /><span class="dim">${notes.join(', ')}</span>`;
}

/** The message says what to change, too. */
function errorOf({ error }: RunView): Html {
  if (error === null) return html``;
  return html`<span class="bad">${error.code}</span><br /><span class="dim"
      >${error.message}</span
    >`;
}

function checkpointOf({ checkpoint, isInclusive }: StatusView): Html {
  if (checkpoint === null) return html`none yet`;
  const note = isInclusive ? html`<br /><span class="dim">it is still to be sent</span>` : html``;
  return html`<span class="id">${checkpoint}</span>${note}`;
}

function moment(at: string | null, none: string): string {
  return at ?? none;
}
